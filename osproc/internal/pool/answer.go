package pool

import (
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// An answer is an item of results together with whom it is for.
type answer struct {
	item
	work Work
	from int // the first task
}

// read takes the worker's answers until its end. It runs in the goroutine of the slot.
func (m *member) read() {
	var answers []answer
	for {
		kind, body, err := m.link.Receive()
		if err != nil {
			return
		}
		if kind != kindResults {
			continue
		}
		took, flags, err := takeResultsHeader(body)
		if err != nil {
			return
		}
		if answers, err = m.match(answers[:0], body); err != nil {
			return
		}
		m.take(answers, took, flags)
		clear(answers)
	}
}

// match finds out whom the items of a frame are for.
func (m *member) match(answers []answer, body *wire.Decoder) ([]answer, error) {
	for len(body.Bytes) > 0 {
		it, err := nextItem(body)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer{item: it})
	}
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	k := 0
	for i := range answers {
		a := &answers[i]
		for range m.sent {
			if k >= len(m.sent) {
				k = 0
			}
			if s := &m.sent[k]; s.holds(a.first) {
				a.work, a.from = s.work, s.from+int(a.first-s.number)
				a.n = min(a.n, s.to-a.from)
				s.done = a.from - s.from + a.n
				break
			}
			k++ // mostly they are in order
		}
	}
	return answers, nil
}

// take gives the answers of a frame to those whom they are for, and the member new tasks.
func (m *member) take(answers []answer, took time.Duration, flags byte) {
	n, failed := 0, 0
	for i := range answers {
		a := &answers[i]
		if a.work != nil {
			n += a.n
			failed += a.deliver()
		}
		_ = a.body.Close()
	}
	p := m.pool
	p.mu.Lock()
	m.account(n)
	p.stats.Done += n - failed
	p.stats.Failed += failed
	if n > 0 {
		p.inRow = 0
		p.adapt(took, n)
	}
	m.slow = false
	m.watchTime()
	if flags&flagLeaving != 0 {
		m.state = leaving // the tasks that it has not begun are seen to when it has ended
		go m.seeOff()
	}
	m.retire()
	list := p.dispatch()
	p.mu.Unlock()
	for i := range answers {
		if a := &answers[i]; a.work != nil {
			a.work.Finish(a.from, a.from+a.n)
		}
	}
	list.flush()
}

// account forgets n tasks that were answered. The lock is held.
func (m *member) account(n int) {
	m.load -= n
	m.results += n
	front := 0
	for front < len(m.sent) && m.sent[front].over() {
		m.sent[front] = sent{}
		front++
	}
	if m.sent = m.sent[front:]; len(m.sent) == 0 {
		m.sent = m.base[:0]
	}
	if m.pool.cfg.Concurrency > 1 { // in any order
		m.sent = slices.DeleteFunc(m.sent, func(s sent) bool { return s.over() })
	}
}

// deliver decodes results, and returns how many tasks have failed. Nobody is there for the
// results of a work that is gone.
func (a *answer) deliver() (failed int) {
	if a.work.Gone() {
		return 0
	}
	var err error
	switch a.what {
	case itemResults:
		err = a.work.Decode(&a.body, a.from, a.from+a.n)
	case itemFailure:
		err = decodeError(&a.body)
	}
	if err == nil {
		return 0
	}
	for i := range a.n {
		a.work.Fail(a.from+i, err)
	}
	return a.n
}

func encodeError(e *wire.Encoder, failure error) error {
	codec, err := wire.For[error]()
	if err != nil {
		return err
	}
	return codec.Encode(e, failure)
}

// decodeError returns the error that was encoded, or why it cannot be decoded.
func decodeError(d *wire.Decoder) error {
	codec, err := wire.For[error]()
	if err != nil {
		return err
	}
	failure, err := codec.Decode(d)
	if err != nil {
		return err
	}
	return failure
}
