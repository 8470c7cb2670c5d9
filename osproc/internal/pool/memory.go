package pool

import "runtime/debug"

// outgrown reports that the worker has more memory than it may. Garbage does not count.
func (s *server) outgrown() bool {
	if resident(s.statm) <= s.rules.MaxMemory {
		return false
	}
	debug.FreeOSMemory()
	return resident(s.statm) > s.rules.MaxMemory
}
