package jetstream

import (
	"context"
	"math/rand/v2"
	"time"
)

// A pause between attempts grows, to a second at most.
type pause struct{ next time.Duration }

func newPause() *pause { return &pause{next: 5 * time.Millisecond} }

// wait waits, and reports whether ctx is still alive.
func (p *pause) wait(ctx context.Context) bool {
	d := p.next/2 + rand.N(p.next)
	p.next = min(2*p.next, time.Second)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
