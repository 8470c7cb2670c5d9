package troupe

// maxRing bounds the walk along a chain of questions.
const maxRing = 1000

// ring returns the processes that all wait for each other if a closes such a
// ring, the asker first, and nil if the answer can still come. Each asker says
// whom it asks before it looks, so that of two that close a ring together at
// least one sees it.
func (a *pending) ring() []PID {
	p := a.asker
	list := []*process{p}
	for c := a.callee; c != p; {
		b := c.asking.Load()
		if b == nil || b.settled.Load() || len(list) == maxRing {
			return nil
		}
		list = append(list, c)
		c = b.callee
	}
	pids := make([]PID, len(list))
	for i, c := range list {
		if i > 0 && c.receives() {
			return nil // a goroutine beside its own asks; it can still answer
		}
		pids[i] = c.pid()
	}
	return pids
}

// receives reports that p's own thread waits for mail.
func (p *process) receives() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.idle != busy
}
