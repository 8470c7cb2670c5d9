package pool

import (
	"errors"
	"io"
	"math"
	"runtime"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// A member is a worker as the parent sees it.
type member struct {
	pool  *Pool
	c     *child.Child
	link  *wire.Link // for tasks; that of c is for cancelling
	since time.Time

	// What follows is guarded by the pool's lock.
	words    *Words
	state    state
	slow     bool        // tasks were taken back; nothing new until it has answered
	flushing bool        // somebody encodes and sends
	next     *member     // in a list of those who are to be flushed
	outbox   []span      // given, and not sent
	sent     []sent      // in order of their numbers
	number   uint32      // of the next task
	resume   bool        // tasks were taken back: say so before the outbox
	flight   int         // bytes of tasks that were not answered, about
	load     int         // tasks in outbox and sent
	given    int         // tasks since it was started
	done     int         // tasks answered
	marks    []uint64    // the words of its executors when somebody last looked; see slow.go
	clock    *time.Timer // see TaskTimeout
	answered time.Time   // when it last did, if there is a TaskTimeout
	overdue  bool        // it was killed for the task of this number:
	culprit  uint32

	// What follows is the flusher's.
	buf      []byte
	resuming bool
	resumeAt uint32
}

type state byte

const (
	ready    state = iota
	retiring       // gets no more tasks
	leaving        // has said, or was told, goodbye
	gone
)

// A sent span is one that is on its way or being run. done tasks of it were answered.
type sent struct {
	span
	number uint32 // of the task from
	done   int
}

// holds reports that task number n is one that s still waits for.
func (s *sent) holds(n uint32) bool {
	return !before(n, s.number+uint32(s.done)) && before(n, s.number+uint32(s.len()))
}

// left is how many tasks the member may still be given. The lock is held.
func (m *member) left() int {
	if m.pool.cfg.MaxTasks <= 0 {
		return math.MaxInt
	}
	return m.pool.cfg.MaxTasks - m.given
}

const (
	// inlineSize is how much the goroutine which submits tasks sends itself: that fits into
	// the socket, so that a worker which does not read cannot hold it up.
	inlineSize = 64 << 10
	// frameSize and frameFiles are when a frame is full.
	frameSize  = 256 << 10
	frameFiles = wire.MaxFiles / 2
)

// flush sends what is in the outboxes of a list of members, whose flushing is set. It does
// not wait for a worker to read.
func (m *member) flush() {
	for m != nil {
		next := m.next
		m.next = nil
		if !m.flushSome(inlineSize) {
			go m.flushAll()
		}
		m = next
	}
}

func (m *member) flushAll() {
	for !m.flushSome(math.MaxInt) {
	}
}

// flushSome sends a frame, unless it is larger than limit. It reports that it is done, and
// flushing is no longer set.
func (m *member) flushSome(limit int) (done bool) {
	list, limit, ok := m.grab(limit)
	if !ok {
		return true
	}
	m.sendResume()
	for len(list) > 0 {
		e := &wire.Encoder{Bytes: m.buf[:0]}
		list = m.encode(e, list)
		if len(e.Bytes) > limit {
			go m.sendAll(e, list)
			return true
		}
		limit -= len(e.Bytes)
		m.send(e)
	}
	return m.finished()
}

// sendAll sends e and encodes and sends list, and goes on until there is no more.
func (m *member) sendAll(e *wire.Encoder, list []sent) {
	m.send(e)
	for len(list) > 0 {
		e := &wire.Encoder{Bytes: m.buf[:0]}
		list = m.encode(e, list)
		m.send(e)
	}
	m.flushAll()
}

// grab takes the outbox, whose tasks get their numbers. It lowers the limit to what the
// socket still has room for, and returns ok=false if there is nothing.
func (m *member) grab(limit int) (list []sent, left int, ok bool) {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.state == gone || !m.waiting() {
		m.flushing = false
		return nil, 0, false
	}
	if limit <= inlineSize {
		limit = max(0, limit-m.flight)
	}
	if m.resume {
		m.resume, m.resuming, m.resumeAt = false, true, m.number
	}
	start := len(m.sent)
	for _, s := range m.outbox {
		m.sent = append(m.sent, sent{span: s, number: m.number})
		m.number += uint32(s.len())
	}
	list = append(list, m.sent[start:]...) // m.sent may change meanwhile
	clear(m.outbox)
	m.outbox = m.outbox[:0]
	m.watchTime()
	return list, limit, true
}

// waiting reports that there is something to be sent. The lock is held.
func (m *member) waiting() bool { return len(m.outbox) > 0 || m.resume }

// sendResume tells the worker which tasks come after those that were taken back.
func (m *member) sendResume() {
	if m.resuming {
		m.resuming = false
		_ = m.link.Send(kindResume, func(e *wire.Encoder) error {
			encodeNumbers(e, m.resumeAt, 0)
			return nil
		})
	}
}

// finished reports that nothing came into the outbox meanwhile.
func (m *member) finished() bool {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.state != gone && m.waiting() {
		return false
	}
	m.flushing = false
	return true
}

// encode encodes spans until the frame is full, and returns the others. Tasks that cannot be
// encoded fail.
func (m *member) encode(e *wire.Encoder, list []sent) (rest []sent) {
	for len(list) > 0 && len(e.Bytes) < frameSize && len(e.Files) < frameFiles {
		s := list[0]
		if err := m.encodeSpan(e, s, s.from, s.to); err != nil {
			m.encodeOneByOne(e, s, err)
		}
		list = list[1:]
	}
	return list
}

// encodeSpan encodes a part of s as an item.
func (m *member) encodeSpan(e *wire.Encoder, s sent, from, to int) error {
	start, files := beginItem(e)
	if err := s.work.Encode(e, from, to); err != nil {
		e.Bytes, e.Files = e.Bytes[:start], e.Files[:files]
		return err
	}
	endItem(e, start, files, itemTasks, s.number+uint32(from-s.from), to-from)
	return nil
}

// encodeOneByOne finds out which tasks of s are those that cannot be encoded.
func (m *member) encodeOneByOne(e *wire.Encoder, s sent, err error) {
	m.shatter(s.number)
	for i := s.from; i < s.to; i++ {
		if s.len() > 1 {
			err = m.encodeSpan(e, s, i, i+1)
		}
		if err != nil {
			m.fail(s.number+uint32(i-s.from), err)
		}
	}
}

// shatter makes spans of one task each of the one that begins with a number, since they may
// be answered in any order.
func (m *member) shatter(number uint32) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	for k, s := range m.sent {
		if s.number != number || s.len() < 2 {
			continue
		}
		var ones []sent
		for i := s.from; i < s.to; i++ {
			ones = append(ones, sent{span: span{work: s.work, from: i, to: i + 1}, number: s.number + uint32(i-s.from)})
		}
		m.sent = append(m.sent[:k:k], append(ones, m.sent[k+1:]...)...)
		return
	}
}

// fail answers a task, which is a span by itself or will never be run, without the worker.
func (m *member) fail(number uint32, err error) {
	p := m.pool
	p.mu.Lock()
	var work Work
	var task int
	for k := range m.sent {
		if s := &m.sent[k]; s.holds(number) {
			work, task = s.work, s.from+int(number-s.number)
			s.done = task - s.from + 1
			break
		}
	}
	if work != nil {
		m.account(1)
		p.stats.Failed++
		m.retire()
	}
	list := p.dispatch()
	p.mu.Unlock()
	if work != nil {
		work.Fail(task, err)
		work.Finish(task, task+1)
	}
	list.flush()
}

// send sends a frame of tasks. If the link has failed, whoever reads from it sees to the
// tasks; if the frame is not to be sent at all, its tasks fail.
func (m *member) send(e *wire.Encoder) {
	if len(e.Bytes) == 0 {
		return
	}
	err := m.link.Send(kindTasks, func(f *wire.Encoder) error {
		f.Bytes, f.Files = append(f.Bytes, e.Bytes...), append(f.Files, e.Files...)
		return nil
	})
	m.pool.mu.Lock()
	m.flight += len(e.Bytes)
	m.pool.mu.Unlock()
	if err != nil && !errors.Is(err, wire.ErrClosed) && !errors.Is(err, io.EOF) {
		d := wire.Decoder{Bytes: e.Bytes}
		for it, bad := nextItem(&d); bad == nil; it, bad = nextItem(&d) {
			for i := range it.n {
				m.fail(it.first+uint32(i), err)
			}
		}
	}
	runtime.KeepAlive(e) // it knows the owners of the descriptors
	if m.buf = nil; cap(e.Bytes) <= frameSize {
		m.buf = e.Bytes[:0]
	}
}
