package troupe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Questions with a limit of their own (see [After]) do without a runtime timer
// each: the node has one for all of them. It is set to the earliest limit there
// is when it is set, so a run of quick questions never touches it, and it looks
// at most every coarse at all that wait. With no such question it is not set.
type deadlines struct {
	mu      sync.Mutex
	start   time.Time
	waiting []*pending
	timer   *time.Timer
	set     time.Duration // when the timer goes off, since start; 0 if it is not set
}

// coarse is how much later than asked for a question may end.
const coarse = 10 * time.Millisecond

// limit ends a with an error once d has passed.
func (l *deadlines) limit(a *pending, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		l.start = time.Now()
		l.timer = time.AfterFunc(time.Hour, l.expire)
		l.timer.Stop()
	}
	a.due = time.Since(l.start) + d
	a.place = len(l.waiting)
	l.waiting = append(l.waiting, a)
	if l.set == 0 || a.due < l.set {
		l.arm(a.due)
	}
}

// lift takes a off again.
func (l *deadlines) lift(a *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(a)
}

func (l *deadlines) remove(a *pending) {
	last := len(l.waiting) - 1
	if a.place > last || l.waiting[a.place] != a {
		return
	}
	l.waiting[a.place] = l.waiting[last]
	l.waiting[a.place].place = a.place
	l.waiting[last] = nil
	l.waiting = l.waiting[:last]
}

func (l *deadlines) arm(due time.Duration) {
	l.set = max(due, 1)
	l.timer.Reset(due - time.Since(l.start))
}

// expire ends what is due and sets the timer anew.
func (l *deadlines) expire() {
	var over []*pending
	l.mu.Lock()
	now := time.Since(l.start)
	var next time.Duration
	for i := 0; i < len(l.waiting); {
		a := l.waiting[i]
		if a.due <= now {
			over = append(over, a)
			l.remove(a)
			continue
		}
		if next == 0 || a.due < next {
			next = a.due
		}
		i++
	}
	l.set = 0
	if next > 0 {
		l.arm(max(next, now+coarse))
	}
	l.mu.Unlock()
	for _, a := range over {
		a.fail(fmt.Errorf("troupe: %v has not answered: %w", a.callee.pid(), context.DeadlineExceeded))
	}
}

// stop lets go of the timer when the node has ended.
func (l *deadlines) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}
