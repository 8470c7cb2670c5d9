package held

import (
	"errors"

	"github.com/troupe-go/troupe/mailbox"
)

// Settle is that of mailbox.Box. It returns ErrLost only after Fail(ErrLost).
func (q *Queue[R]) Settle(outcomes []mailbox.Outcome) error {
	done := make([]Outcome[R], 0, len(outcomes))
	var lost error
	q.change(func() {
		if lost = q.err; errors.Is(lost, mailbox.ErrStopped) {
			lost = nil
		}
		if lost != nil {
			return
		}
		for _, o := range outcomes {
			it := q.out[o.Key]
			if it == nil {
				continue
			}
			q.in(it)
			switch o.Verdict {
			case mailbox.Retry:
				it.Tries++
				it.after = o.At
				q.lanes[it.Lane].back(it)
			case mailbox.Untouched:
				q.lanes[it.Lane].back(it)
			default:
				it.Tries++
				done = append(done, Outcome[R]{Item: it, Verdict: o.Verdict, At: o.At, Reason: o.Reason})
			}
		}
		if len(done) > 0 { // under the lock: outcomes are written in the order in which they came
			q.source.Settled(done)
		}
	})
	return lost
}

// in takes back an item that was out.
func (q *Queue[R]) in(it *Item[R]) {
	delete(q.out, it.key)
	it.key = 0
	if q.alone == it {
		q.alone = nil
	}
}

// Behind says whether the store has mail behind what was loaded.
type Behind int8

const (
	Same Behind = iota // as before: nothing was loaded
	None
	Some
)

// Add puts items behind those that are held, and says what the store has behind
// them.
func (q *Queue[R]) Add(items []*Item[R], behind [Lanes]Behind) { q.Insert(items, behind)() }

// Insert is Add for a caller that holds a lock: it calls then without it.
func (q *Queue[R]) Insert(items []*Item[R], behind [Lanes]Behind) (then func()) {
	return q.alter(func() {
		q.loading = false
		for _, it := range items {
			q.lanes[it.Lane].push(it)
		}
		for i := range q.lanes {
			if behind[i] != Same {
				q.lanes[i].more = behind[i] == Some || q.news[i]
			}
		}
		q.news = [Lanes]bool{}
	})
}

// More says that the store has got more mail for some lanes.
func (q *Queue[R]) More(lanes ...int) {
	q.change(func() {
		for _, i := range lanes {
			q.news[i] = q.loading // what is being loaded may not have seen it
			q.lanes[i].more = true
		}
	})
}

// Bumped says that a hand-out of each of the items is safe. After Close that does not
// matter to the queue any more, and the items are somebody else's.
func (q *Queue[R]) Bumped(items []*Item[R]) {
	q.change(func() {
		if q.closed {
			return
		}
		for _, it := range items {
			it.Safe, it.bumping = it.Tries+1, false
		}
	})
}

// Want returns how many items a Load should bring, for each lane.
func (q *Queue[R]) Want() (want [Lanes]int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.lanes {
		if l := &q.lanes[i]; l.more {
			want[i] = max(q.window-l.n, 0)
		}
	}
	return want
}

// Waiting returns how many items of a lane are not out.
func (q *Queue[R]) Waiting(lane int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lanes[lane].n
}

// Fail makes all later calls return err, ErrLost or ErrStopped; Settle does not mind
// ErrStopped. The first ErrLost stays.
func (q *Queue[R]) Fail(err error) {
	q.change(func() {
		if !errors.Is(q.err, mailbox.ErrLost) {
			q.err = err
		}
	})
}

// Close ends the queue: those items that were out have been given back untouched.
func (q *Queue[R]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
	}
	q.closed = true
	q.err, q.wake, q.alone = mailbox.ErrLost, nil, nil
	for _, it := range q.out {
		q.in(it)
		q.lanes[it.Lane].back(it)
	}
}

// Pass is Left for a store that hands the items to the queue of the next owner, when
// nothing is being written down for this one any more.
func (q *Queue[R]) Pass() []*Item[R] {
	left := q.Left()
	for _, it := range left {
		it.bumping = false
	}
	return left
}

// Left returns the items that the queue holds and that are not out, in the order of
// their lanes.
func (q *Queue[R]) Left() (left []*Item[R]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.lanes {
		for it := q.lanes[i].first; it != nil; it = it.next {
			left = append(left, it)
		}
	}
	return left
}
