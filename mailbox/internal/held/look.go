package held

import (
	"github.com/troupe-go/troupe/mailbox"
)

// What mailbox/bolt needs beside the rest.

// Look returns what Settle would hand to the source, for a store that writes it down
// together with something else. It changes nothing.
func (q *Queue[R]) Look(outcomes []mailbox.Outcome) []Outcome[R] {
	q.mu.Lock()
	defer q.mu.Unlock()
	var done []Outcome[R]
	for _, o := range outcomes {
		it := q.out[o.Key]
		if it == nil || o.Verdict == mailbox.Retry || o.Verdict == mailbox.Untouched {
			continue
		}
		done = append(done, Outcome[R]{Item: it, Verdict: o.Verdict, At: o.At, Reason: o.Reason})
	}
	return done
}

// Take takes the first item that waits in a lane away, for a store that drops it. It
// returns nil if none waits.
func (q *Queue[R]) Take(lane int) *Item[R] {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := &q.lanes[lane]
	if l.first == nil || l.first.bumping {
		return nil
	}
	return l.pop()
}

// Return undoes Take.
func (q *Queue[R]) Return(it *Item[R]) {
	q.change(func() { q.lanes[it.Lane].back(it) })
}

// Behind reports whether the store may have mail that the queue does not hold.
func (q *Queue[R]) Behind() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.lanes {
		if q.lanes[i].more || q.news[i] {
			return true
		}
	}
	return q.loading
}

// Len returns how many items wait or are out.
func (q *Queue[R]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.out)
	for i := range q.lanes {
		n += q.lanes[i].n
	}
	return n
}
