package osproc

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/pool"
)

// A mapper is a map that is going on. Three parties meet in it: the feeder, which runs the
// sequence and fills blocks; the pool, which takes tasks out of the blocks and brings their
// results; and the loop, which they are delivered to. The pool calls Next with its own lock
// held, so nothing of the pool is called while mu is.
type mapper[A, R any] struct {
	pool    *Pool[A, R]
	ordered bool
	dropped atomic.Bool   // the loop was left
	news    chan struct{} // something happened that the loop may want to know
	room    chan struct{} // the loop has taken something
	quit    chan struct{} // closed when the loop was left
	fed     chan struct{} // closed when the feeder has ended

	panicked any // of the sequence; read after fed

	mu        sync.Mutex
	blocks    []*block[A, R]  // with tasks that the pool has not taken, from the oldest
	waiting   []*block[A, R]  // of which not all was delivered, from the oldest
	ready     []stretch[A, R] // unordered: what can be delivered
	last      *block[A, R]    // that the loop was given something of
	spare     []*block[A, R]  // to be used again
	total     int             // items in closed blocks
	delivered int             // items that the loop was given
	ended     bool            // all blocks are closed
	sleeping  bool            // the feeder waits for room
}

// A block is a number of items that came one after the other.
type block[A, R any] struct {
	m       *mapper[A, R]
	args    []A
	filled  atomic.Int32 // items that are there
	results []R

	// What follows is guarded by m.mu.
	closed bool // filled is final
	taken  int  // tasks that the pool has
	done   int  // ordered: so many from the front are done
	out    int  // so many were delivered
	ahead  []bool
	errs   []error // nil if all went well; an element is not changed any more when its task is done
}

// A stretch is tasks of a block that are done.
type stretch[A, R any] struct {
	b        *block[A, R]
	from, to int
	errs     []error
}

func newMapper[A, R any](p *Pool[A, R], ordered bool) *mapper[A, R] {
	return &mapper[A, R]{
		pool: p, ordered: ordered,
		news: make(chan struct{}, 1), room: make(chan struct{}, 1),
		quit: make(chan struct{}), fed: make(chan struct{}),
	}
}

var errSequenceGoexit = errors.New("osproc: the sequence given to Map called runtime.Goexit")

// feed runs the sequence.
func (m *mapper[A, R]) feed(items iter.Seq[A]) {
	defer close(m.fed)
	returned := false
	var b *block[A, R]
	defer func() {
		if !returned {
			if m.panicked = recover(); m.panicked == nil {
				m.panicked = errSequenceGoexit
			}
		}
		m.mu.Lock()
		m.close(b)
		m.ended = true
		m.mu.Unlock()
		m.pool.p.Kick() // for a last chunk that is not full
		tell(m.news)
	}()
	n, size, least, kick := 0, 0, 0, 0
	for a := range items {
		if n == size {
			if b != nil {
				m.pool.p.Kick() // there may be room, though nobody is idle
			}
			if b = m.next(b); b == nil {
				break
			}
			n, size = 0, len(b.args)
			least = pool.Least(size)
			kick = least
		}
		b.args[n] = a
		n++
		b.filled.Store(int32(n))
		switch {
		case !m.pool.p.Hungry():
		case n < kick:
			m.pool.p.Soon()
		default:
			m.pool.p.Kick()
			kick = n + least
		}
	}
	returned = true
}

// next closes the last block, waits for room, and returns a block to be filled, or nil when
// the loop was left.
func (m *mapper[A, R]) next(last *block[A, R]) *block[A, R] {
	size, executors := m.pool.p.Extent()
	if chunk := m.pool.chunk; chunk > 0 {
		size = (size + chunk - 1) / chunk * chunk
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.close(last)
	for m.total-m.delivered > 2*size*executors && !m.dropped.Load() {
		m.sleeping = true
		m.mu.Unlock()
		select {
		case <-m.room:
		case <-m.quit:
		}
		m.mu.Lock()
	}
	if m.dropped.Load() {
		return nil
	}
	b := m.newBlock(size)
	m.blocks = append(m.blocks, b)
	m.waiting = append(m.waiting, b)
	return b
}

// newBlock returns an empty block, if possible one that was used before. The lock is held.
func (m *mapper[A, R]) newBlock(size int) *block[A, R] {
	n := len(m.spare)
	if n == 0 || len(m.spare[n-1].args) != size {
		m.spare = nil
		return &block[A, R]{m: m, args: make([]A, size), results: make([]R, size)}
	}
	b := m.spare[n-1]
	m.spare = m.spare[:n-1]
	return b
}

// recycle keeps a block that nobody needs any more. The lock is held.
func (m *mapper[A, R]) recycle(b *block[A, R]) {
	if i := slices.Index(m.blocks, b); i >= 0 { // the pool has not noticed that it is empty
		m.blocks = slices.Delete(m.blocks, i, i+1)
	}
	args, results := b.args, b.results
	if !m.pool.codecs.arg.plain {
		clear(args)
	}
	if !m.pool.codecs.result.plain {
		clear(results)
	}
	*b = block[A, R]{m: m, args: args, results: results}
	m.spare = append(m.spare, b)
}

// close says that b, which may be nil, gets no more items. The lock is held.
func (m *mapper[A, R]) close(b *block[A, R]) {
	if b != nil && !b.closed {
		b.closed = true
		m.total += int(b.filled.Load())
	}
}

// Next gives the pool tasks; see pool.Source.
func (m *mapper[A, R]) Next(least, depth, most int) (w pool.Work, from, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.blocks) > 0 {
		b := m.blocks[0]
		if n = int(b.filled.Load()) - b.taken; n == 0 {
			if !b.closed && b.taken < len(b.args) {
				return nil, 0, 0
			}
			m.blocks[0] = nil
			m.blocks = m.blocks[1:]
			continue
		}
		if chunk := m.pool.chunk; chunk > 0 {
			n = min(n, chunk)
			if least > 0 {
				least = chunk
			}
		}
		if n < least && !b.closed && b.taken+n < len(b.args) {
			return nil, 0, -1
		}
		if m.pool.chunk == 0 {
			n = min(n, depth)
			if m.ended && len(m.blocks) == 1 { // the last items are for all
				_, executors := m.pool.p.Extent()
				n = (n + executors - 1) / executors
			}
		}
		n = min(n, most)
		from = b.taken
		b.taken += n
		return b, from, n
	}
	return nil, 0, 0
}

// take returns what the loop is to deliver next; over=true is that there is nothing more, a
// nil block that there is nothing now.
func (m *mapper[A, R]) take() (s stretch[A, R], over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.last; b != nil && b.delivered() {
		m.forget(b)
		m.recycle(b)
	}
	m.last = nil
	if m.ordered {
		s = m.inOrder()
	} else if len(m.ready) > 0 {
		s = m.ready[0]
		m.ready = m.ready[1:]
	}
	if s.b == nil {
		return s, m.ended && m.delivered == m.total
	}
	n := s.to - s.from
	s.errs = s.b.errs
	s.b.out += n
	m.delivered += n
	m.last = s.b
	if m.sleeping {
		m.sleeping = false
		tell(m.room)
	}
	return s, false
}

// inOrder returns what is done of the oldest block that was not delivered. The lock is held.
func (m *mapper[A, R]) inOrder() stretch[A, R] {
	for len(m.waiting) > 0 {
		b := m.waiting[0]
		if b.out < b.done {
			return stretch[A, R]{b: b, from: b.out, to: b.done}
		}
		if !b.delivered() {
			break
		}
		m.forget(b)
	}
	return stretch[A, R]{}
}

// delivered reports that the loop was given all of b. The lock is held.
func (b *block[A, R]) delivered() bool { return b.closed && b.out == int(b.filled.Load()) }

// forget forgets a block of which all was delivered. The lock is held.
func (m *mapper[A, R]) forget(b *block[A, R]) {
	for i, w := range m.waiting {
		if w == b {
			m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
			return
		}
	}
}

func (b *block[A, R]) Encode(e *wire.Encoder, from, to int) error {
	if err := b.m.pool.codecs.arg.encode(e, b.args[from:to]); err != nil {
		return fmt.Errorf("osproc: the argument of a task cannot be sent: %w", err)
	}
	return nil
}

func (b *block[A, R]) Decode(d *wire.Decoder, from, to int) error {
	return b.m.pool.codecs.result.decode(d, b.results[from:to])
}

func (b *block[A, R]) Fail(task int, err error) {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if b.errs == nil {
		b.errs = make([]error, len(b.args))
	}
	b.errs[task] = err
}

func (b *block[A, R]) Finish(from, to int) {
	m := b.m
	m.mu.Lock()
	switch {
	case !m.ordered:
		m.ready = append(m.ready, stretch[A, R]{b: b, from: from, to: to})
	case from == b.done:
		b.done = to
		for b.done < len(b.ahead) && b.ahead[b.done] {
			b.done++
		}
	default:
		if b.ahead == nil {
			b.ahead = make([]bool, len(b.args))
		}
		for i := from; i < to; i++ {
			b.ahead[i] = true
		}
	}
	m.mu.Unlock()
	tell(m.news)
}

func (b *block[A, R]) Gone() bool { return b.m.dropped.Load() }

// tell wakes whoever waits for c, now or later.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
