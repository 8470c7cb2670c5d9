package pool

import "time"

// Stats are numbers about a pool.
type Stats struct {
	Queued    int // tasks that no worker has
	Done      int // tasks with a result
	Failed    int // tasks with an error
	Retried   int // runs that were lost with a worker and are done again
	Poisoned  int // tasks that were lost too often
	TimedOut  int // workers killed because of TaskTimeout
	TakenBack int // spans that were taken back from a worker
	Started   int // workers
	Deaths    int // workers that were not told to go
	Members   []MemberStats
}

// MemberStats are numbers about one worker.
type MemberStats struct {
	PID   int
	Load  int // tasks that it holds
	Done  int // tasks that it has answered
	Since time.Time
}

// Stats returns the numbers as they are now.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	for _, m := range p.members {
		s.Members = append(s.Members, MemberStats{PID: m.c.PID(), Load: m.load, Done: m.results, Since: m.since})
	}
	return s
}
