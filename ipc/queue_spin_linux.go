package ipc

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A spinner looks for a moment before a goroutine parks, for about as long as parking would take:
// who answers at once is then met while still awake. It gives up the habit where it does not
// pay.
type spinner struct {
	score atomic.Int32 // of late: found while looking, less not found
	tick  atomic.Uint32
}

const (
	spinTime  = 5 * time.Microsecond
	spinScore = 8
)

var canSpin = sync.OnceValue(func() bool { return runtime.NumCPU() > 1 && runtime.GOMAXPROCS(0) > 1 })

// spin looks, if that has paid of late, and now and then if not. It reports what it found.
func (s *spinner) spin(found func() bool) bool {
	score := s.score.Load()
	if !canSpin() || score < 0 && s.tick.Add(1)%16 != 0 {
		return found()
	}
	if s.once(found) {
		s.score.Store(min(score+1, spinScore))
		return true
	}
	s.score.Store(max(score-1, -spinScore))
	return false
}

// once looks for the time that parking takes.
func (s *spinner) once(found func() bool) bool {
	for start := time.Now(); ; {
		for range 20 {
			if found() {
				return true
			}
		}
		if time.Since(start) > spinTime {
			return false
		}
	}
}
