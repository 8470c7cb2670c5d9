package supervisor

import "time"

// An intensity remembers the restarts of the last period.
type intensity struct {
	limit  int
	period time.Duration
	times  []time.Time // oldest first
}

// add counts a restart at now, and reports whether it is one too many.
func (i *intensity) add(now time.Time) bool {
	since := now.Add(-i.period)
	old := 0
	for old < len(i.times) && i.times[old].Before(since) {
		old++
	}
	i.times = append(i.times[old:], now)
	return len(i.times) > i.limit
}
