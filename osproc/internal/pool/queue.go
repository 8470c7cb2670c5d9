package pool

// A span is a run of tasks of one work.
type span struct {
	work     Work
	from, to int
	deaths   int // workers that died of it, which is then one task
}

func (s span) len() int { return s.to - s.from }

// fail says that all tasks of s have an error.
func (s span) fail(err error) {
	for i := s.from; i < s.to; i++ {
		s.work.Fail(i, err)
	}
	s.work.Finish(s.from, s.to)
}

// A deque is a queue with two ends, for spans.
type deque struct {
	ring []span // its length is a power of two
	head int
	n    int
}

func (q *deque) len() int { return q.n }

func (q *deque) grow() {
	if q.n < len(q.ring) {
		return
	}
	ring := make([]span, max(16, 2*len(q.ring)))
	k := copy(ring, q.ring[q.head:])
	copy(ring[k:], q.ring[:q.head])
	q.ring, q.head = ring, 0
}

func (q *deque) pushBack(s span) {
	q.grow()
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = s
	q.n++
}

func (q *deque) pushFront(s span) {
	q.grow()
	q.head = (q.head - 1) & (len(q.ring) - 1)
	q.ring[q.head] = s
	q.n++
}

func (q *deque) popFront() span {
	s := q.ring[q.head]
	q.ring[q.head] = span{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return s
}
