package station

import (
	"container/heap"
	"sync"
	"time"
)

// A restList retires residents that have rested long enough. A resident that is
// woken stays in the list; when its time comes it is looked at, and goes back if it
// has been at work since.
type restList struct {
	run    *run
	mu     sync.Mutex
	heap   restHeap
	timer  *time.Timer
	set    int64 // when the timer goes off; 0 if it is not set
	closed bool
}

type restEntry struct {
	at  int64 // when to look, in nanoseconds of the run
	res *resident
}

// add makes sure that a resident is looked at when it may have rested enough.
func (l *restList) add(res *resident, now int64) {
	idle := int64(res.route.opts.Idle)
	if idle < 0 && res.until.Load() < now {
		idle = 0
	}
	l.mu.Lock()
	if res.place == 0 && !l.closed && res.turn.Load() != departed {
		heap.Push(&l.heap, restEntry{max(now+max(idle, 0), res.until.Load()), res})
	}
	l.arm(now)
	over := len(l.heap) - l.run.station.keep
	var early []*resident
	for range min(over, 2) {
		if res := l.pop(now, true); res != nil {
			early = append(early, res)
		}
	}
	l.mu.Unlock()
	for _, res := range early {
		res.nod()
	}
}

// remove forgets a resident.
func (l *restList) remove(res *resident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if res.place > 0 {
		heap.Remove(&l.heap, int(res.place-1))
	}
}

// arm sets the timer for the first entry. The lock is held.
func (l *restList) arm(now int64) {
	if len(l.heap) == 0 || l.closed || l.set != 0 && l.set <= l.heap[0].at {
		return
	}
	l.set = max(l.heap[0].at, 1)
	wait := time.Duration(max(l.set-now, 0))
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.onTimer)
		return
	}
	l.timer.Reset(wait)
}

// onTimer retires those whose time has come.
func (l *restList) onTimer() {
	now := int64(time.Since(l.run.born))
	var over []*resident
	l.mu.Lock()
	l.set = 0
	for len(l.heap) > 0 && l.heap[0].at <= now {
		if res := l.pop(now, false); res != nil {
			over = append(over, res)
		}
	}
	l.arm(now)
	l.mu.Unlock()
	for _, res := range over {
		res.nod()
	}
}

// pop looks at the first entry and returns its resident if it is to be retired:
// because it has rested long enough, or early, to make room. The lock is held.
func (l *restList) pop(now int64, early bool) *resident {
	res := l.heap[0].res
	at := max(res.asleep.Load()+max(int64(res.route.opts.Idle), 0), res.until.Load())
	turn := res.turn.Load()
	if turn == departed {
		heap.Pop(&l.heap)
		return nil
	}
	if turn == atRest && (at <= now || early && res.until.Load() <= now) {
		heap.Pop(&l.heap)
		return res
	}
	l.heap[0].at = max(at, now+int64(time.Millisecond)) // it is at work, or was
	heap.Fix(&l.heap, 0)
	return nil
}

func (l *restList) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
}

// nod sends a resident at rest into retirement, by way of a hand.
func (res *resident) nod() {
	res.retire.Store(true)
	res.wake()
}

type restHeap []restEntry

func (h restHeap) Len() int           { return len(h) }
func (h restHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h restHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].res.place, h[j].res.place = int32(i+1), int32(j+1)
}

func (h *restHeap) Push(x any) {
	e := x.(restEntry)
	e.res.place = int32(len(*h) + 1)
	*h = append(*h, e)
}

func (h *restHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = restEntry{}
	*h = (*h)[:last]
	e.res.place = 0
	return e
}
