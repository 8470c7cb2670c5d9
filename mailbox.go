package troupe

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
}

// A queue is the typed part of a mailbox. The first fields are guarded by the
// process's lock, the others belong to the consumer.
type queue[M any] struct {
	head, tail *segment[M]
	free       *segment[M] // the next segment to append, if the consumer gave one back
	hi, ti     uint32      // first used slot of head, first free slot of tail
	n          int         // envelopes waiting, the batch not counted

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
	if s != nil && len(s.slots) >= size {
		q.free = nil
	} else {
		s = &segment[M]{slots: make([]envelope[M], size)}
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
		if q.spare != nil {
			q.free, q.spare = q.spare, nil
		}
	}
	q.hi = 0
	q.n -= int(s.end - q.bi - s.holes)
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
		switch {
		case s == q.tail && q.hi == q.ti:
			q.hi, q.ti, s.holes = 0, 0, 0
		case int(q.hi) == len(s.slots):
			q.head, q.hi = s.next, 0
			s.reset()
			q.free = s
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
			s.reset()
			q.spare = s
		}
		if !e.gone() {
			return e, true
		}
	}
	return e, false
}

// rest gives up large segments when the process goes idle. Consumer only, the
// lock is held, and the queue is empty.
func (q *queue[M]) rest() {
	if q.spare != nil && len(q.spare.slots) > keepSegment {
		q.spare = nil
	}
	q.free = nil
	if q.head != nil && len(q.head.slots) > keepSegment {
		q.head, q.tail, q.hi, q.ti = nil, nil, 0, 0
	}
}

func (s *segment[M]) reset() { s.next, s.end, s.holes = nil, 0, 0 }

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
