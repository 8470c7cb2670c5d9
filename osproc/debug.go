package osproc

import "fmt"

func (p *Pool[A, R]) Debug() { p.p.Debug() }
func (m *mapper[A, R]) Debug() {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Println("mapper blocks", len(m.blocks), "waiting", len(m.waiting), "ready", len(m.ready), "total", m.total, "delivered", m.delivered, "ended", m.ended, "sleeping", m.sleeping)
	for _, b := range m.waiting {
		n := 0
		for _, x := range b.ahead {
			if x {
				n++
			}
		}
		fmt.Println("  block len", len(b.args), "filled", b.filled.Load(), "closed", b.closed, "taken", b.taken, "done", b.done, "out", b.out, "ahead", n)
	}
}
