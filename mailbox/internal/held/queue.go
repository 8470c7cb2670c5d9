package held

import (
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// A Source is the store behind a queue. Its methods are called without the queue's
// lock, must not block, and do their work later.
type Source[R any] interface {
	// Load is asked for mail behind what is held; see Queue.Want. It is called
	// again only after an Add or a Broken.
	Load()

	// Bump makes safe that items are handed out once more, and calls
	// Queue.Bumped. It is called for those alone whose Safe is not more than
	// their Tries.
	Bump([]*Item[R])

	// Settled writes outcomes down.
	Settled([]Outcome[R])
}

// A Queue is the mail of one address that a program holds. All methods may be
// called by any goroutine.
type Queue[R any] struct {
	source Source[R]
	window int

	mu      sync.Mutex
	lanes   [Lanes]lane[R]
	out     map[uint64]*Item[R]
	alone   *Item[R] // is out, and came alone
	keys    uint64
	err     error
	closed  bool
	loading bool
	news    [Lanes]bool // there was More while loading
	wake    func()
	timer   *time.Timer
}

// New returns an empty queue that hands out up to window items at once.
func New[R any](source Source[R], window int) *Queue[R] {
	if window <= 0 {
		window = mailbox.DefaultWindow
	}
	return &Queue[R]{source: source, window: window, out: map[uint64]*Item[R]{}}
}

// Fetch is that of mailbox.Box.
func (q *Queue[R]) Fetch(into []mailbox.Delivery, wake func()) (int, error) {
	q.mu.Lock()
	if err := q.err; err != nil {
		q.mu.Unlock()
		return 0, err
	}
	n, bump := q.take(into)
	if n == 0 && len(into) > 0 {
		q.wake = wake
	}
	load := q.mustLoad()
	q.mu.Unlock()
	q.ask(load, bump)
	return n, nil
}

// take hands out what can be handed out now. It returns an item instead whose
// count must be made safe first.
func (q *Queue[R]) take(into []mailbox.Delivery) (n int, bump []*Item[R]) {
	if q.alone != nil {
		return 0, nil
	}
	for i := range q.lanes {
		l := &q.lanes[i]
		for n < len(into) && len(q.out) < q.window && l.first != nil && l.first.Tries == 0 && l.first.Safe > 0 {
			into[n] = q.hand(l.pop())
			n++
		}
		if n == len(into) || len(q.out) >= q.window {
			return n, nil
		}
		if l.first != nil && l.first.Tries == 0 {
			if n == 0 {
				bump = q.unsafe(l, len(into))
			}
			return n, bump
		}
		if l.first != nil { // it comes again
			if n == 0 {
				return q.again(l, into)
			}
			return n, nil
		}
		if l.more {
			return n, nil // lower priorities wait for what the store has
		}
	}
	return n, nil
}

// unsafe returns the first items of a lane that are new and whose hand-out must be made
// safe, as many as could be out.
func (q *Queue[R]) unsafe(l *lane[R], most int) (bump []*Item[R]) {
	for it := l.first; it != nil && it.Tries == 0 && len(bump) < min(most, q.window-len(q.out)); it = it.next {
		if it.bumping {
			break
		}
		it.bumping = true
		bump = append(bump, it)
	}
	return bump
}

// again hands out the first of a lane, that may have been delivered before.
func (q *Queue[R]) again(l *lane[R], into []mailbox.Delivery) (int, []*Item[R]) {
	it := l.first
	if wait := time.Until(it.after); !it.after.IsZero() && wait > 0 {
		q.later(wait)
		return 0, nil
	}
	if it.Safe <= it.Tries {
		if it.bumping {
			return 0, nil
		}
		it.bumping = true
		return 0, []*Item[R]{it}
	}
	q.alone = l.pop()
	into[0] = q.hand(it)
	return 1, nil
}

func (q *Queue[R]) hand(it *Item[R]) mailbox.Delivery {
	q.keys++
	it.key, it.after = q.keys, time.Time{}
	q.out[it.key] = it
	return mailbox.Delivery{Mail: it.Mail, Key: it.key, Count: it.Tries + 1, Put: it.Put}
}

// later looks again after some time.
func (q *Queue[R]) later(wait time.Duration) {
	if q.timer == nil {
		q.timer = time.AfterFunc(wait, func() { q.change(func() {}) })
		return
	}
	q.timer.Reset(wait)
}

// mustLoad reports whether the source must be asked for mail, and notes that it was.
func (q *Queue[R]) mustLoad() bool {
	if q.loading || q.err != nil {
		return false
	}
	for i := range q.lanes {
		if l := &q.lanes[i]; l.more && 2*l.n < q.window {
			q.loading = true
			return true
		}
	}
	return false
}

func (q *Queue[R]) ask(load bool, bump []*Item[R]) {
	if len(bump) > 0 {
		q.source.Bump(bump)
	}
	if load {
		q.source.Load()
	}
}

// change does f with the lock held, and then all that follows from it.
func (q *Queue[R]) change(f func()) { q.alter(f)() }

// alter does f with the lock held and returns what must be done without it.
func (q *Queue[R]) alter(f func()) (then func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f()
	load := q.mustLoad()
	wake, bump := q.stir()
	if wake == nil && bump == nil && !load {
		return func() {}
	}
	return func() {
		q.ask(load, bump)
		if wake != nil {
			wake()
		}
	}
}

// stir returns the owner's wake if a Fetch is worth while now, or what must be done
// before it is.
func (q *Queue[R]) stir() (wake func(), bump []*Item[R]) {
	if q.wake == nil {
		return nil, nil
	}
	ready := q.err != nil
	if !ready {
		ready, bump = q.could()
	}
	if ready {
		wake, q.wake = q.wake, nil
	}
	return wake, bump
}

// could reports whether take would hand out anything.
func (q *Queue[R]) could() (ready bool, bump []*Item[R]) {
	if q.alone != nil || len(q.out) >= q.window {
		return false, nil
	}
	for i := range q.lanes {
		l := &q.lanes[i]
		switch it := l.first; {
		case it == nil && l.more:
			return false, nil
		case it == nil:
			continue
		case it.Tries == 0 && it.Safe > 0:
			return true, nil
		case it.Tries == 0:
			return false, q.unsafe(l, q.window)
		case !it.after.IsZero() && time.Until(it.after) > 0:
			q.later(time.Until(it.after))
			return false, nil
		case it.Safe > it.Tries:
			return true, nil
		case !it.bumping:
			it.bumping = true
			return false, []*Item[R]{it}
		default:
			return false, nil
		}
	}
	return false, nil
}
