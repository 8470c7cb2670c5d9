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
	full       atomic.Int32 // the window is: whoever waits, waits for room in it
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

// Full says, with 1 and then -1, that the stage takes no items because it holds a window full.
func (p *Probe) Full(n int32) {
	if p != nil {
		p.full.Add(n)
	}
}

// WaitingOut adds n to the workers that wait for their result to be taken.
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

// Read returns what the probe shows. Workers that have nothing to do while the window is full
// wait for what is downstream, not for what is upstream.
func (p *Probe) Read() Reading {
	out := p.out.Load() // before in, so that no item seems to leave before it came
	r := Reading{
		In: p.in.Load(), Out: out, Busy: time.Duration(p.busy.Load()),
		WaitingIn: int(p.waitingIn.Load()), WaitingOut: int(p.waitingOut.Load()),
	}
	if p.full.Load() > 0 {
		r.WaitingIn, r.WaitingOut = 0, r.WaitingOut+r.WaitingIn
	}
	return r
}
