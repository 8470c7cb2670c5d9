package troupe

import (
	"reflect"
	"sync"
)

// A mailbox is a chain of segments. Producers append to its tail under the
// process's lock. The consumer takes a whole segment at once and works through
// it without the lock; what it has taken is the batch. Segments grow from a few
// slots to maxSegment, so that an idle process is small and a busy one seldom
// allocates; a swapped slice would pay for its regrowth after every swap.

const (
	minSegment = 4
	maxSegment = 256
	// keepSegment is the largest segment that an idle process holds on to.
	keepSegment = 16
)

type segment[M any] struct {
	next  *segment[M]
	end   uint32 // slots in use, once the segment has left the tail
	holes uint32 // slots from which a selective receive took its envelope
	slots []envelope[M]
	home  *sync.Pool // where it goes when it is not needed, if it is large
}

// A queue is the typed part of a mailbox. The first fields are guarded by the
// process's lock, the others belong to the consumer.
type queue[M any] struct {
	head, tail *segment[M]
	free       *segment[M] // the next segment to append, if the consumer gave one back
	hi, ti     uint32      // first used slot of head, first free slot of tail
	n          uint32      // envelopes waiting, the batch not counted
	popped     uint32      // slots that pop has emptied, modulo 2^32
	large      *sync.Pool  // of segments of the largest size; set when the first is needed

	batch *segment[M] // what the consumer has taken
	spare *segment[M] // an emptied segment on its way back to the producers
	bi    uint32      // next slot of batch
}

// push returns the slot for one more envelope. The lock is held.
func (q *queue[M]) push() *envelope[M] {
	t := q.tail
	if t == nil || int(q.ti) == len(t.slots) {
		t = q.grow()
	}
	e := &t.slots[q.ti]
	q.ti++
	q.n++
	return e
}

// grow appends an empty segment. The lock is held.
func (q *queue[M]) grow() *segment[M] {
	size := minSegment
	if q.tail != nil {
		size = min(4*len(q.tail.slots), maxSegment)
	}
	s := q.free
	switch {
	case s != nil && len(s.slots) >= size:
		q.free = nil
	case size == maxSegment && q.large != nil:
		s = q.large.Get().(*segment[M])
		s.home = q.large
	default:
		s = newSegment[M](size)
	}
	if q.tail == nil {
		q.head, q.hi = s, 0
	} else {
		q.tail.end = q.ti
		q.tail.next = s
	}
	q.tail, q.ti = s, 0
	return s
}

// empty reports that nothing waits outside the batch. The lock is held.
func (q *queue[M]) empty() bool {
	return q.head == q.tail && q.hi == q.ti
}

// take moves the oldest segment into the batch, which must be empty. A lone
// envelope is handed out at once instead: ping-pong needs no second segment.
// The lock is held.
func (q *queue[M]) take() (e envelope[M], ok bool) {
	if q.head == q.tail && q.hi+1 == q.ti {
		return q.pop()
	}
	if q.empty() {
		return e, false
	}
	s := q.head
	q.batch, q.bi = s, q.hi
	if s == q.tail {
		s.end = q.ti
		q.head, q.tail, q.ti = q.spare, q.spare, 0
		q.spare = nil
	} else {
		q.head = s.next
		if q.free == nil {
			q.free, q.spare = q.spare, nil
		}
	}
	q.hi = 0
	q.n -= s.end - q.bi - s.holes
	return e, false
}

// pop removes the oldest envelope of the shared part. The lock is held.
func (q *queue[M]) pop() (e envelope[M], ok bool) {
	for !q.empty() {
		s := q.head
		slot := &s.slots[q.hi]
		e = *slot
		*slot = envelope[M]{}
		q.hi++
		q.popped++
		switch {
		case s == q.tail && q.hi == q.ti:
			q.hi, q.ti, s.holes = 0, 0, 0
		case int(q.hi) == len(s.slots):
			q.head, q.hi = s.next, 0
			q.giveBack(s)
		}
		if e.sig == removed {
			continue
		}
		q.n--
		if !e.gone() {
			return e, true
		}
	}
	return envelope[M]{}, false
}

// next hands out the next envelope of the batch. Consumer only, no lock.
func (q *queue[M]) next() (e envelope[M], ok bool) {
	for q.batch != nil {
		s := q.batch
		slot := &s.slots[q.bi]
		e = *slot
		*slot = envelope[M]{}
		q.bi++
		if q.bi == s.end {
			q.batch = nil
			q.putAside(s)
		}
		if !e.gone() {
			return e, true
		}
	}
	return e, false
}

// putAside keeps an emptied segment for the producers. Consumer only, no lock.
func (q *queue[M]) putAside(s *segment[M]) {
	s.reset()
	if q.spare == nil || len(q.spare.slots) < len(s.slots) {
		s, q.spare = q.spare, s
	}
	q.recycle(s)
}

// giveBack keeps an emptied segment. The lock is held.
func (q *queue[M]) giveBack(s *segment[M]) {
	s.reset()
	if q.free == nil {
		s, q.free = nil, s
	}
	q.recycle(s)
}

// recycle lets other mailboxes have s if it is large.
func (q *queue[M]) recycle(s *segment[M]) {
	if s != nil && s.home != nil {
		s.home.Put(s)
	}
}

// rest gives up all but one small segment when the process goes idle. Consumer
// only; the lock is held, and the queue is empty.
func (q *queue[M]) rest() {
	q.recycle(q.free)
	q.free = nil
	if s := q.spare; s != nil && (len(s.slots) > keepSegment || q.head != nil) {
		q.recycle(s)
		q.spare = nil
	}
	if s := q.head; s != nil && len(s.slots) > keepSegment {
		s.reset()
		q.recycle(s)
		q.head, q.tail, q.hi, q.ti = nil, nil, 0, 0
	}
}

func newSegment[M any](size int) *segment[M] {
	return &segment[M]{slots: make([]envelope[M], size)}
}

func (s *segment[M]) reset() { s.next, s.end, s.holes = nil, 0, 0 }

// largeSegments returns the node's pool for message type M.
func largeSegments[M any](n *Node) *sync.Pool {
	t := reflect.TypeFor[M]()
	if p, ok := n.segments.Load(t); ok {
		return p.(*sync.Pool)
	}
	p, _ := n.segments.LoadOrStore(t, &sync.Pool{New: func() any { return newSegment[M](maxSegment) }})
	return p.(*sync.Pool)
}

// A cursor walks over a queue without taking anything out of it, for selective
// receive. It begins in the batch and goes on into the shared part.
type cursor[M any] struct {
	s *segment[M]
	i uint32
}

// peek returns the envelope under the cursor and moves past it; nil at the end.
// Consumer only; the lock is held. An envelope dropped from the head while the
// lock was free leaves a zero envelope behind it, which rewind skips.
func (q *queue[M]) peek(c *cursor[M]) (*segment[M], *envelope[M]) {
	if c.s == nil {
		switch {
		case q.batch != nil:
			c.s, c.i = q.batch, q.bi
		case !q.empty():
			c.s, c.i = q.head, q.hi
		default:
			return nil, nil
		}
	}
	for {
		end := c.s.end
		switch {
		case c.s == q.tail:
			end = q.ti
		case c.s != q.batch:
			end = uint32(len(c.s.slots))
		}
		if c.i < end {
			e := &c.s.slots[c.i]
			c.i++
			return c.s, e
		}
		switch {
		case c.s == q.batch && !q.empty():
			c.s, c.i = q.head, q.hi
		case c.s != q.batch && c.s != q.tail:
			c.s, c.i = c.s.next, 0
		default:
			return nil, nil
		}
	}
}

// remove takes the envelope that peek returned out of the middle.
func (q *queue[M]) remove(s *segment[M], e *envelope[M]) {
	*e = envelope[M]{sig: removed}
	s.holes++
	if s != q.batch {
		q.n--
	}
}

// withdraw marks the signals for which which reports true, so that nobody sees
// them. Consumer only; the lock is held.
func (q *queue[M]) withdraw(which func(*signal) bool) {
	var c cursor[M]
	for _, e := q.peek(&c); e != nil; _, e = q.peek(&c) {
		if e.sig != nil && e.sig != removed && which(e.sig) {
			e.sig.withdrawn.Store(true)
		}
	}
}
