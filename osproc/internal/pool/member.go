package pool

import (
	"math"
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
	words     *Words
	state     state
	slow      bool          // tasks were taken back; nothing new until it has answered
	flushing  bool          // somebody encodes and sends
	next      *member       // in a list of those who are to be flushed
	outbox    []span        // given, and not sent
	sent      []sent        // in order of their numbers
	base      []sent        // what sent was when it began to grow, to be used again
	number    uint32        // of the next task
	resume    bool          // tasks were taken back: say so before the outbox
	load      int           // tasks in outbox and sent
	given     int           // tasks since it was started
	results   int           // tasks answered
	marks     []uint64      // the words of its executors when somebody last looked; see slow.go
	marked    time.Time     // when that was
	markedCPU time.Duration // what it had used then
	clock     *time.Timer   // see TaskTimeout
	answered  time.Time     // when it last did, if there is a TaskTimeout
	overdue   bool          // it was killed for the task of this number:
	culprit   uint32

	flushed chan struct{} // closed when flushing ends, if somebody waits for that

	// What follows is the flusher's.
	list     []sent
	late     []interval // tasks that were given up between their dispatch and their number
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

// includes reports that task number n is, or was, one of s.
func (s *sent) includes(n uint32) bool {
	return !before(n, s.number) && before(n, s.number+uint32(s.len()))
}

// over reports that s waits for nothing more.
func (s *sent) over() bool { return s.done >= s.len() }

// left is how many tasks the member may still be given. The lock is held.
func (m *member) left() int {
	if m.pool.cfg.MaxTasks <= 0 {
		return math.MaxInt
	}
	return m.pool.cfg.MaxTasks - m.given
}

// frameSize and frameFiles are when a frame is full.
const (
	frameSize  = 256 << 10
	frameFiles = wire.MaxFiles / 2
)

// flush sends what is in the outboxes of a list of members, whose flushing is set. It waits
// for nothing: the links never do.
func (m *member) flush() {
	for m != nil {
		next := m.next
		m.next = nil
		if !m.flushSome() {
			go m.flushAll() // others go on submitting; this goroutine has had its share
		}
		m = next
	}
}

func (m *member) flushAll() {
	for !m.flushSome() {
	}
}

// flushSome sends what is in the outbox. It reports that there is nothing more, and flushing
// is no longer set.
func (m *member) flushSome() (done bool) {
	list, ok := m.grab()
	if !ok {
		return true
	}
	m.sendResume()
	for len(list) > 0 {
		list = m.sendSome(list)
	}
	for _, l := range m.late {
		m.sendCancel(l.first, l.n)
	}
	m.late = m.late[:0]
	return m.finished()
}

// grab takes the outbox, whose tasks get their numbers. ok=false means that there is nothing.
func (m *member) grab() (list []sent, ok bool) {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.done() {
		return nil, false
	}
	if m.resume {
		m.resume, m.resuming, m.resumeAt = false, true, m.number
	}
	start := len(m.sent)
	for _, s := range m.outbox {
		if s.work.Gone() { // Cancel has not found it in sent
			m.late = append(m.late, interval{m.number, s.len()})
		}
		m.sent = append(m.sent, sent{span: s, number: m.number})
		m.number += uint32(s.len())
	}
	if start == 0 {
		m.base = m.sent
	}
	m.list = append(m.list[:0], m.sent[start:]...) // m.sent may change meanwhile
	clear(m.outbox)
	m.outbox = m.outbox[:0]
	m.watchTime()
	return m.list, true
}

// done ends flushing if there is nothing to be sent. The lock is held.
func (m *member) done() bool {
	if m.state != gone && (len(m.outbox) > 0 || m.resume) {
		return false
	}
	m.flushing = false
	if m.flushed != nil {
		close(m.flushed)
		m.flushed = nil
	}
	return true
}

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

// sendCancel tells the worker that nobody waits for n tasks any more.
func (m *member) sendCancel(first uint32, n int) {
	_ = m.c.Link().Send(kindCancel, func(e *wire.Encoder) error {
		encodeNumbers(e, first, n)
		return nil
	})
}

// finished reports that nothing came into the outbox meanwhile.
func (m *member) finished() bool {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	clear(m.list)
	return m.done()
}

// settle waits until nobody encodes tasks for m, whose state is gone. The lock is held.
func (m *member) settle() {
	for m.flushing {
		if m.flushed == nil {
			m.flushed = make(chan struct{})
		}
		flushed := m.flushed
		m.pool.mu.Unlock()
		<-flushed
		m.pool.mu.Lock()
	}
}

// sendSome sends spans until a frame is full, and returns the others. Tasks that cannot be
// sent fail. If the link has ended, whoever reads from it sees to the tasks.
func (m *member) sendSome(list []sent) (rest []sent) {
	e := wire.Begin()
	rest = list
	for len(rest) > 0 && len(e.Bytes) < frameSize && len(e.Files) < frameFiles {
		s := rest[0]
		if err := m.encodeSpan(e, s, s.from, s.to); err != nil {
			m.encodeOneByOne(e, s, err)
		}
		rest = rest[1:]
	}
	if err := wire.Seal(kindTasks, e); err != nil {
		wire.Drop(e)
		for _, s := range list[:len(list)-len(rest)] {
			for i := range s.len() {
				m.fail(s.number+uint32(i), err)
			}
		}
		return rest
	}
	_ = m.link.Post(e)
	return rest
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
