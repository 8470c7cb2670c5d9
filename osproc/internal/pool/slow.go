package pool

import (
	"fmt"
	"time"
)

// tolerance is how long a task may hold up those behind it on its worker, while another
// worker has nothing to do.
//
// A worker that has used next to no processor time meanwhile waits for something, or for a
// processor. On a machine that is much too busy it is mostly the latter, and tasks that go back
// and forth do not get done. So in doubt the tolerance doubles with each time that tasks were
// taken back, up to maxDoubt, until none were for as long as certain.
const (
	tolerance = 2 * time.Millisecond
	maxDoubt  = 128 * time.Millisecond
	certain   = time.Second
)

// watchSlow has somebody look after a while whether a member is held up by a long task. It is
// called when there is nothing to give to a member that has room. The lock is held.
func (p *Pool) watchSlow() {
	if p.patrol != nil || !p.someIdle() {
		return
	}
	watch := false
	for _, m := range p.members {
		if m.holdsMore() { // also if it cannot give back just now, since nobody may call again
			m.mark()
			watch = true
		}
	}
	if watch {
		p.patrol = time.AfterFunc(tolerance, p.relieve)
	}
}

// someIdle reports that a member has nothing to do.
func (p *Pool) someIdle() bool {
	for _, m := range p.members {
		if m.load == 0 && m.state == ready {
			return true
		}
	}
	return false
}

// holdsMore reports that m holds more than it can be running, and was not made to give that back.
func (m *member) holdsMore() bool {
	return m.words != nil && !m.slow && m.load > m.pool.cfg.Concurrency && m.state <= retiring
}

// canGiveBack reports that m holds more than it can be running, and nobody is about to encode
// any of it.
func (m *member) canGiveBack() bool { return m.holdsMore() && !m.flushing && !m.words.revoking() }

// mark notes what the executors of m run, and since when.
func (m *member) mark() {
	if m.stuck() && !m.marked.IsZero() {
		return
	}
	for i := range m.marks {
		m.marks[i] = m.words.lines[i+1].word.Load()
	}
	m.marked, m.markedCPU = time.Now(), processorTime(m.c.PID())
}

// hopeless reports that m, which is stuck, will not get to its other tasks soon.
func (p *Pool) hopeless(m *member) bool {
	if processorTime(m.c.PID())-m.markedCPU >= tolerance/2 {
		return true
	}
	now := time.Now()
	if now.Sub(p.doubted) > certain {
		p.doubt = tolerance
	}
	if now.Sub(m.marked) < p.doubt {
		return false
	}
	p.doubt, p.doubted = min(2*p.doubt, maxDoubt), now
	return true
}

// relieve takes back what members hold that have been running the same tasks for a while.
func (p *Pool) relieve() {
	p.mu.Lock()
	p.patrol = nil
	var list *member
	if p.someIdle() {
		for _, m := range p.members {
			if !m.canGiveBack() || !m.stuck() || !p.hopeless(m) {
				continue
			}
			m.giveBack()
			m.flushing = true // to send resume
			m.next, list = list, m
		}
	}
	more := p.dispatch() // which calls watchSlow
	p.watchSlow()
	p.mu.Unlock()
	list.flush()
	more.flush()
}

// stuck reports that all executors of m run what they ran when they were marked.
func (m *member) stuck() bool {
	for i, mark := range m.marks {
		if mark&busy == 0 || m.words.lines[i+1].word.Load() != mark {
			return false
		}
	}
	return true
}

// giveBack takes all tasks from m that it has not begun. The lock is held.
func (m *member) giveBack() {
	unclaimed := m.words.revoke()
	back := m.outbox
	m.outbox = nil
	kept := m.sent
	for len(kept) > 0 && !before(kept[len(kept)-1].number, unclaimed) {
		s := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		back = append([]span{s.span}, back...)
	}
	for i := range m.marks {
		n, ok := m.words.stop(i)
		if !ok {
			continue
		}
		for k := range kept {
			s := &kept[k]
			// Task n may have been answered already: the executor says so a moment later.
			if i := s.from + int(n-s.number); s.includes(n) && i+1 < s.to {
				back = append([]span{{work: s.work, from: i + 1, to: s.to}}, back...)
				s.to = i + 1
			}
		}
	}
	clear(m.sent[len(kept):])
	m.sent = kept
	for _, s := range back {
		m.load -= s.len()
	}
	m.slow, m.resume = m.load > 0, true // if nothing is left, no answer will come
	m.pool.stats.TakenBack += len(back)
	m.pool.takeBack(m, back)
	m.retire()
}

// watchTime sees to it that a task which takes too long is noticed. The lock is held.
func (m *member) watchTime() {
	limit := m.pool.cfg.TaskTimeout
	if limit <= 0 {
		return
	}
	m.answered = time.Now()
	switch {
	case m.clock == nil:
		m.clock = time.AfterFunc(limit, m.checkTime)
	case m.load > 0:
		m.clock.Reset(limit)
	default:
		m.clock.Stop()
	}
}

// checkTime kills the worker if one of its tasks has taken too long.
func (m *member) checkTime() {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.state == gone || m.load == 0 {
		return
	}
	limit := p.cfg.TaskTimeout
	next := limit
	idle := true
	for i := range p.cfg.Concurrency {
		n, d, ok := m.runningFor(i)
		idle = idle && !ok
		switch {
		case !ok:
		case d < limit:
			next = min(next, limit-d)
		default:
			m.expire(n)
			return
		}
	}
	if waited := time.Since(m.answered); idle && waited >= limit {
		m.expire(m.number) // it does not even begin: somebody has stopped the process
		return
	} else if idle {
		next = limit - waited
	}
	m.clock.Reset(next)
}

// expire kills the worker because of the task of a number, which alone is to blame. The lock is
// held.
func (m *member) expire(number uint32) {
	m.overdue, m.culprit = true, number
	m.pool.stats.TimedOut++
	_ = m.c.Kill(fmt.Errorf("%w of %v", ErrTimeout, m.pool.cfg.TaskTimeout))
}

// runningFor says how long an executor has been running its task.
func (m *member) runningFor(executor int) (number uint32, d time.Duration, ok bool) {
	if m.words != nil {
		return m.words.runningFor(executor)
	}
	if len(m.sent) == 0 {
		return 0, 0, false
	}
	return m.sent[0].number + uint32(m.sent[0].done), time.Since(m.answered), true
}
