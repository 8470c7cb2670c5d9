// Package retry is about the time between attempts at something that may succeed
// later.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Pause between attempts grows, to a second at most. It belongs to one goroutine.
type Pause struct{ next time.Duration }

// NewPause returns a Pause before the second attempt.
func NewPause() *Pause { return &Pause{next: 5 * time.Millisecond} }

// Wait waits, and reports whether ctx is still alive.
func (p *Pause) Wait(ctx context.Context) bool {
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
