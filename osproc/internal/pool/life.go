package pool

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

const (
	// firstDelay and lastDelay are how long a start waits after one that was for nothing.
	firstDelay = 10 * time.Millisecond
	lastDelay  = time.Second
	// settled is after how long a worker that did nothing was not started for nothing.
	settled = time.Second
	// linkless is how long a worker may go on without its socket.
	linkless = time.Second
)

// grow has so many workers kept. The lock is held.
func (p *Pool) grow(want int) {
	p.want = want
	p.extent[1].Store(int32(want * p.cfg.Concurrency))
	for p.slots < want {
		p.slots++
		go p.keep()
	}
}

// keep starts a worker, looks after it until its end, and starts the next.
func (p *Pool) keep() {
	for p.wanted() {
		m, err := p.start()
		select {
		case p.first <- err:
		default:
		}
		if err == nil {
			err = p.serve(m)
		}
		if err != nil {
			p.pause(err)
		}
	}
}

// wanted reports that the slot is to go on; else it is gone.
func (p *Pool) wanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over == nil && !p.finished() && p.slots <= p.want {
		return true
	}
	if p.slots--; p.slots == 0 {
		if p.over == nil {
			p.over = ErrClosed
		}
		p.cancel(nil)
		close(p.stopped)
	}
	return false
}

// start starts a worker and waits until it is ready.
func (p *Pool) start() (*member, error) {
	cfg := &p.cfg
	conn, theirs, err := child.SocketPair()
	if err != nil {
		return nil, err
	}
	words, shared, err := NewWords(cfg.Concurrency)
	if err != nil {
		conn.Close()
		theirs.Close()
		return nil, err
	}
	began := time.Now()
	c, err := child.Start(p.ctx, cfg.Child, child.Job{
		Role:     Role,
		Fill:     func(e *wire.Encoder) error { return cfg.encodeBeginning(e, theirs, shared) },
		Launched: p.launched,
		Endless:  true, // whoever gives up a task does not wait for a worker that somebody has stopped
	})
	theirs.Close()
	if shared != nil {
		shared.Close()
	}
	p.mu.Lock()
	delete(p.starting, c)
	p.mu.Unlock()
	if err != nil {
		conn.Close()
		words.release()
		if c != nil && errors.Is(err, child.ErrDied) {
			err = fmt.Errorf("%w, while it was started for a pool", cfg.Died(c))
		}
		return nil, err
	}
	link := wire.NewLink(conn)
	link.NeverWait()
	return &member{pool: p, c: c, link: link, words: words, since: began, marks: make([]uint64, cfg.Concurrency)}, nil
}

// launched notes a child that is not ready, so that Terminate can kill it.
func (p *Pool) launched(c *child.Child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting[c] = struct{}{}
	if p.killed {
		_ = c.Kill(p.over)
	}
}

// serve lets m work until its end. It returns an error if m has ended without a reason to.
func (p *Pool) serve(m *member) error {
	p.mu.Lock()
	p.members = append(p.members, m)
	p.stats.Started++
	if p.over != nil {
		_ = m.c.Kill(p.over)
	}
	if p.ready() > p.want { // Resize came meanwhile
		m.state = retiring
	}
	m.retire()
	list := p.dispatch()
	p.mu.Unlock()
	list.flush()
	go func() { // the link of the child package says nothing
		_, _, _ = m.c.Link().Receive()
	}()
	m.read()
	end := time.AfterFunc(linkless, func() { _ = m.c.Kill(errLinkless) })
	<-m.c.Done()
	end.Stop()
	m.link.Close()
	m.c.Link().Close()
	return p.bury(m)
}

var errLinkless = errors.New("osproc: it has closed its socket for tasks")

// bury puts right what the death of m has left.
func (p *Pool) bury(m *member) error {
	p.mu.Lock()
	leaving := m.state == leaving
	m.state = gone
	m.settle()
	blamed := m.blamed()
	lost := m.unanswered()
	if leaving {
		blamed = nil
	}
	if m.clock != nil {
		m.clock.Stop()
	}
	m.words.release()
	m.words = nil
	for i, other := range p.members {
		if other == m {
			p.members = append(p.members[:i:i], p.members[i+1:]...)
			break
		}
	}
	var poisoned []span
	if p.over == nil {
		poisoned = p.giveBack(lost, blamed)
	} else {
		poisoned = lost
	}
	var err error
	if !leaving {
		p.stats.Deaths++
		if len(blamed) == 0 && m.results == 0 && time.Since(m.since) < settled {
			err = p.cfg.Died(m.c)
		}
	}
	over := p.over
	list := p.dispatch()
	p.mu.Unlock()
	for _, s := range poisoned {
		if over != nil {
			s.fail(over)
		} else {
			s.fail(p.cfg.Poison(s.deaths, m.c))
		}
	}
	list.flush()
	return err
}

// giveBack queues what a member has lost, in front of all others, but not the tasks that have
// killed too many. The lock is held.
func (p *Pool) giveBack(lost []span, blamed []span) (poisoned []span) {
	for i := len(lost) - 1; i >= 0; i-- {
		s := lost[i]
		for _, b := range blamed {
			if b.work != s.work || b.from < s.from || b.from >= s.to {
				continue
			}
			if rest := (span{work: s.work, from: b.to, to: s.to}); rest.len() > 0 {
				p.requeue(rest)
			}
			b.deaths = s.deaths + 1
			if b.deaths > p.cfg.Retries {
				p.stats.Failed++
				p.stats.Poisoned++
				poisoned = append(poisoned, b)
			} else {
				p.stats.Retried++
				p.requeue(b)
			}
			s.to = b.from
		}
		if s.len() > 0 {
			p.requeue(s)
		}
	}
	return poisoned
}

func (p *Pool) requeue(s span) {
	if p.over != nil {
		go s.fail(p.over)
		return
	}
	p.queue.pushFront(s)
	p.stats.Queued += s.len()
}

// unanswered takes all tasks from m that it has not answered. The lock is held.
func (m *member) unanswered() (lost []span) {
	for _, s := range m.sent {
		if s.over() {
			continue
		}
		lost = append(lost, span{work: s.work, from: s.from + s.done, to: s.to, deaths: s.deaths})
	}
	lost = append(lost, m.outbox...)
	m.sent, m.outbox = nil, nil
	m.load = 0
	return lost
}

// takeBack queues tasks that a member has not begun. The lock is held.
func (p *Pool) takeBack(m *member, tasks []span) {
	for i := len(tasks) - 1; i >= 0; i-- {
		p.requeue(tasks[i])
		m.given -= tasks[i].len()
	}
}

// blamed returns the tasks that m was running when it died, from the last to the first. The
// lock is held, and the worker is dead.
func (m *member) blamed() (tasks []span) {
	var numbers []uint32
	for i := range m.pool.cfg.Concurrency {
		if m.words == nil {
			break
		}
		if n, ok := m.words.running(i); ok && (!m.overdue || n == m.culprit) {
			numbers = append(numbers, n)
		}
	}
	if m.words == nil && len(m.sent) > 0 {
		numbers = append(numbers, m.sent[0].number+uint32(m.sent[0].done))
	}
	for k := len(m.sent) - 1; k >= 0; k-- {
		s := &m.sent[k]
		for _, n := range numbers {
			if s.holds(n) {
				i := s.from + int(n-s.number)
				tasks = append(tasks, span{work: s.work, from: i, to: i + 1})
			}
		}
	}
	return tasks
}

// pause waits after a start that was for nothing; after too many it gives up.
func (p *Pool) pause(why error) {
	p.mu.Lock()
	p.inRow++
	n := p.inRow
	p.mu.Unlock()
	if n >= p.cfg.MaxFailures {
		p.End(fmt.Errorf("%w: %d in a row, the last: %w", ErrBroken, n, why), true)
		return
	}
	delay := time.NewTimer(min(firstDelay<<min(n-1, 10), lastDelay))
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-p.ctx.Done():
	}
}
