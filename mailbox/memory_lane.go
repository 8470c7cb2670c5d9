package mailbox

import (
	"math/bits"
	"sync"
)

// A lane is the mail of one priority at one address: a ring in which each item
// has a number, one higher than the one before it. Items that were settled leave
// holes until they come to the front.
type lane struct {
	ring  []item // its length is a power of two
	first uint64 // the number of the first item
	n     int32  // items, holes included
	next  int32  // items before this one are out or holes
	out   int32  // items that were fetched and are not settled
	holes int32
}

// An item is mail in a lane. Most mail is a value and nothing else.
type item struct {
	value any
	mail  *Mail // the rest, if there is any; without Value
	put   int64 // Unix nanoseconds
	due   int64 // not before; 0 is at once
	count uint16
	state itemState
	lane  uint8
}

type itemState uint8

const (
	waits itemState = iota
	isOut           // fetched and not settled
	hole            // settled
)

// Lanes in the order in which they are served.
const (
	highLane = iota
	normalLane
	lowLane
	lanes
)

func laneOf(p Priority) uint8 {
	switch {
	case p > Normal:
		return highLane
	case p < Normal:
		return lowLane
	}
	return normalLane
}

func (l *lane) at(i int32) *item { return &l.ring[(l.first+uint64(i))&uint64(len(l.ring)-1)] }

// waiting counts the items that wait to be fetched.
func (l *lane) waiting() int { return int(l.n - l.out - l.holes) }

func (l *lane) push(it item) {
	if int(l.n) == len(l.ring) {
		l.grow()
	}
	*l.at(l.n) = it
	l.n++
}

func (l *lane) grow() {
	ring := newRing(len(l.ring))
	for i := range l.n {
		ring[(l.first+uint64(i))&uint64(len(ring)-1)] = *l.at(i)
	}
	old := l.ring
	l.ring = ring
	if len(old) > keepRing {
		clear(old)
		dropRing(old)
	}
}

// largeRings are rings of 4 x keepRing, 16 x keepRing and so on that nobody needs,
// without values: a box whose owner is now ahead of its senders and now behind
// them would else make new ones all the time.
var largeRings [8]sync.Pool

// newRing returns a ring for a lane that has outgrown one of size old.
func newRing(old int) []item {
	if old < keepRing {
		return make([]item, max(2*old, 1))
	}
	if class := ringClass(4 * old); class < len(largeRings) {
		if ring, ok := largeRings[class].Get().(*[]item); ok {
			return *ring
		}
	}
	return make([]item, 4*old)
}

// dropRing takes back a ring that is larger than keepRing and has no values.
func dropRing(ring []item) {
	if class := ringClass(len(ring)); class < len(largeRings) {
		largeRings[class].Put(&ring)
	}
}

// ringClass is 0 for 4 x keepRing, 1 for 16 x keepRing and so on.
func ringClass(size int) int { return bits.TrailingZeros(uint(size/keepRing))/2 - 1 }

// peek returns the first item that waits and its place, nil if there is none.
func (l *lane) peek() (*item, int32) {
	for ; l.next < l.n; l.next++ {
		if it := l.at(l.next); it.state == waits {
			return it, l.next
		}
	}
	return nil, 0
}

// find returns an item by its number, nil if it is settled.
func (l *lane) find(number uint64) (*item, int32) {
	if number < l.first || number >= l.first+uint64(l.n) {
		return nil, 0
	}
	i := int32(number - l.first)
	if it := l.at(i); it.state == isOut {
		return it, i
	}
	return nil, 0
}

// putBack makes an item that is out wait again in its place.
func (l *lane) putBack(i int32) {
	l.at(i).state = waits
	l.out--
	l.next = min(l.next, i)
}

// remove makes a hole of an item and closes the holes at the front.
func (l *lane) remove(i int32) {
	it := l.at(i)
	if it.state == isOut {
		l.out--
	}
	*it = item{state: hole}
	l.holes++
	l.trim()
}

// keepRing is the largest ring that an empty lane holds on to.
const keepRing = 64

// putBackAll makes everything that is out wait again, as if it had not been
// fetched.
func (l *lane) putBackAll() {
	for i := int32(0); l.out > 0; i++ {
		if it := l.at(i); it.state == isOut {
			it.count--
			l.putBack(i)
		}
	}
}
