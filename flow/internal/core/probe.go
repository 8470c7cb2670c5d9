package core

import (
	"sync/atomic"
	"time"
)

// Probe counts what happens in one stage. A nil Probe counts nothing, and costs next to
// nothing. All methods may be called by any goroutine.
type Probe struct {
	Name    string
	Workers int

	in, out    atomic.Int64
	busy       atomic.Int64 // nanoseconds
	waitingIn  atomic.Int32
	waitingOut atomic.Int32
}

// In counts an item that entered the stage.
func (p *Probe) In() {
	if p != nil {
		p.in.Add(1)
	}
}

// Out counts an item that left the stage, as a result or as nothing.
func (p *Probe) Out() {
	if p != nil {
		p.out.Add(1)
	}
}

// Begin returns the time at which work begins, for End.
func (p *Probe) Begin() (t time.Time) {
	if p != nil {
		t = time.Now()
	}
	return t
}

// End counts the time since begin as time worked.
func (p *Probe) End(begin time.Time) {
	if p != nil {
		p.busy.Add(int64(time.Since(begin)))
	}
}

// WaitingIn adds n to the workers that wait for an item.
func (p *Probe) WaitingIn(n int32) {
	if p != nil {
		p.waitingIn.Add(n)
	}
}

// WaitingOut adds n to those who wait for room behind the stage.
func (p *Probe) WaitingOut(n int32) {
	if p != nil {
		p.waitingOut.Add(n)
	}
}

// Reading is what a Probe shows at one moment.
type Reading struct {
	In, Out               int64
	Busy                  time.Duration
	WaitingIn, WaitingOut int
}

// Read returns what the probe shows.
func (p *Probe) Read() Reading {
	out := p.out.Load() // before in, so that no item seems to leave before it came
	return Reading{
		In: p.in.Load(), Out: out, Busy: time.Duration(p.busy.Load()),
		WaitingIn: int(p.waitingIn.Load()), WaitingOut: int(p.waitingOut.Load()),
	}
}
