package pool

import "fmt"

func (p *Pool) Debug() {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Println("queue", p.queue.n, "sources", len(p.sources), "depth", p.depth, "hungry", p.hungry.Load(), "forcing", p.forcing.Load(), "slots", p.slots, "inRow", p.inRow)
	for _, m := range p.members {
		fmt.Println(" member", m.c.PID(), "state", m.state, "slow", m.slow, "flushing", m.flushing, "load", m.load, "sent", len(m.sent), "outbox", len(m.outbox), "number", m.number, "results", m.results)
		for i := range m.sent {
			fmt.Println("   sent", m.sent[i].from, m.sent[i].to, m.sent[i].number, m.sent[i].done)
		}
		for i := range m.words.lines {
			w := m.words.lines[i].word.Load()
			fmt.Println("   word", numberOf(w), w&3)
		}
	}
	for i := 0; i < p.queue.n && i < 10; i++ {
		s := p.queue.ring[(p.queue.head+i)&(len(p.queue.ring)-1)]
		fmt.Println("  queued", s.from, s.to, s.deaths, s.work.Gone())
	}
	for _, s := range p.sources {
		if d, ok := s.(interface{ Debug() }); ok {
			d.Debug()
		}
	}
}
