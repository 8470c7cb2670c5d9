package held

import (
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Lanes is how many priorities there are. The lane of the highest is 0.
const Lanes = 3

// LaneOf returns the lane of a priority.
func LaneOf(p mailbox.Priority) int {
	switch {
	case p > mailbox.Normal:
		return 0
	case p < mailbox.Normal:
		return 2
	}
	return 1
}

// An Item is one mail that the program holds. R is how the store names it.
type Item[R any] struct {
	Mail  mailbox.Mail
	Put   time.Time
	Ref   R   // how the store names it
	Lane  int // which lane it is in
	Tries int // how often it was handed out and may have been begun
	Safe  int // the Tries that the store would tell the next owner

	key     uint64 // names the delivery; 0 while it is not out
	place   uint64 // where it stands in its lane
	after   time.Time
	bumping bool
	next    *Item[R]
}

// Marked reports whether the store tells the next owner, or is about to, that the item
// was handed out. The queue must be closed.
func (it *Item[R]) Marked() bool { return it.Tries > 0 || it.Safe > 0 || it.bumping }

// An Outcome is what the store must write down about an item that has been settled.
type Outcome[R any] struct {
	*Item[R]
	Verdict mailbox.Verdict // Handled, Aside or Dead
	At      time.Time
	Reason  string
}

// A lane is the items of one priority that wait, in order.
type lane[R any] struct {
	first, last *Item[R]
	n           int
	more        bool   // the store has mail behind the last
	places      uint64 // given so far
}

// push adds an item behind all others.
func (l *lane[R]) push(it *Item[R]) {
	l.places++
	it.place, it.next = l.places, nil
	if l.last == nil {
		l.first = it
	} else {
		l.last.next = it
	}
	l.last = it
	l.n++
}

// pop takes the first item.
func (l *lane[R]) pop() *Item[R] {
	it := l.first
	if l.first = it.next; l.first == nil {
		l.last = nil
	}
	it.next = nil
	l.n--
	return it
}

// back puts an item where it was.
func (l *lane[R]) back(it *Item[R]) {
	at := &l.first
	for *at != nil && (*at).place < it.place {
		at = &(*at).next
	}
	if it.next = *at; it.next == nil {
		l.last = it
	}
	*at = it
	l.n++
}
