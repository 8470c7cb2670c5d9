package pool

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Words are what a worker and its parent share: for each executor the task that it runs, and
// for all of them which tasks were taken out of what the worker has received. A nil *Words
// stands for a system without shared memory: nothing can be taken back then, and the task
// that a worker died of is taken to be the first that it has not answered.
//
// A word holds a number in its upper half and flags in its lower one.
type Words struct {
	page  []byte
	lines []line
}

// A line is a cache line, so that executors do not slow each other down.
type line struct {
	word    atomic.Uint64
	started atomic.Int64 // on the system's monotonic clock, if anybody wants to know
	_       [48]byte
}

const lineSize = int(unsafe.Sizeof(line{}))

const (
	busy    = 1 // an executor runs the task of this number
	revoked = 2 // the next swap is to fail
)

// linesOf makes lines of a page. The first is the queue's, whose number is that of the next
// task that nobody has claimed; the others are the executors'.
func linesOf(page []byte, executors int) []line {
	return unsafe.Slice((*line)(unsafe.Pointer(unsafe.SliceData(page))), executors+1)
}

func numbered(n uint32, flags uint64) uint64 { return uint64(n)<<32 | flags }

func numberOf(word uint64) uint32 { return uint32(word >> 32) }

// claim takes n tasks out of the queue. ok=false means that they were taken back.
func (w *Words) claim(first uint32, n int) (ok bool) {
	if w == nil {
		return true
	}
	q := &w.lines[0].word
	old := q.Load()
	return old&revoked == 0 && q.CompareAndSwap(old, numbered(first+uint32(n), 0))
}

// resume ends a revocation: tasks from first on can be claimed. Worker only.
func (w *Words) resume(first uint32) {
	if w != nil {
		w.lines[0].word.Store(numbered(first, 0))
	}
}

// revoke takes back all that nobody has claimed, and returns the number of the first such
// task. Parent only.
func (w *Words) revoke() uint32 {
	q := &w.lines[0].word
	for {
		old := q.Load()
		if q.CompareAndSwap(old, old|revoked) {
			return numberOf(old)
		}
	}
}

// running returns the task that an executor runs. Parent only.
func (w *Words) running(executor int) (number uint32, ok bool) {
	v := w.lines[executor+1].word.Load()
	return numberOf(v), v&busy != 0
}

// runningFor says how long an executor has been running its task; only if the pool has a
// limit on that. Parent only.
func (w *Words) runningFor(executor int) (number uint32, d time.Duration, ok bool) {
	l := &w.lines[executor+1]
	v, started := l.word.Load(), l.started.Load()
	if v&busy == 0 || l.word.Load() != v {
		return 0, 0, false
	}
	return numberOf(v), time.Duration(monotonic() - started), true
}

// stop makes an executor stop after the task that it runs, which is returned. Parent only.
func (w *Words) stop(executor int) (number uint32, ok bool) {
	l := &w.lines[executor+1].word
	for {
		old := l.Load()
		if old&busy == 0 {
			return 0, false
		}
		if l.CompareAndSwap(old, old|revoked) {
			return numberOf(old), true
		}
	}
}

// revoking reports that the worker has not learnt yet that tasks were taken back. Parent only.
func (w *Words) revoking() bool { return w.lines[0].word.Load()&revoked != 0 }
