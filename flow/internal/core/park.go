package core

import (
	"runtime"
	"sync/atomic"
)

// yields is how often a goroutine lets others run, hoping to be served, before it sleeps. To
// wake a sleeper costs as much as hundreds of items of a cheap stage.
const yields = 4

// parking is where goroutines sleep until what they wait for may have happened.
type parking struct {
	asleep atomic.Int32
	tokens chan struct{} // room for every sleeper, so that waking never blocks
}

func newParking(sleepers int) parking {
	return parking{tokens: make(chan struct{}, sleepers)}
}

// wake wakes one sleeper, if there is any. What the sleeper waits for must have been made
// visible before.
func (p *parking) wake() {
	for {
		n := p.asleep.Load()
		if n == 0 {
			return
		}
		if p.asleep.CompareAndSwap(n, n-1) {
			p.tokens <- struct{}{}
			return
		}
	}
}

func (p *parking) wakeAll() {
	for p.asleep.Load() > 0 {
		p.wake()
	}
}

// wait returns when ready is true, or may be, or when done is closed; callers look again.
func (p *parking) wait(done <-chan struct{}, ready func() bool) {
	for range yields {
		runtime.Gosched()
		if ready() {
			return
		}
	}
	p.asleep.Add(1)
	if ready() { // it may have become so before anybody could see us asleep
		p.rise()
		return
	}
	select {
	case <-p.tokens:
	case <-done:
		p.rise()
	}
}

// rise undoes the falling asleep of a goroutine that was not woken. If all sleepers are being
// woken at this moment, it takes a token as they do; but another that falls asleep just now may
// be quicker, and then stands in the count instead. So it looks at both until one gives.
func (p *parking) rise() {
	for {
		n := p.asleep.Load()
		if n > 0 && p.asleep.CompareAndSwap(n, n-1) {
			return
		}
		select {
		case <-p.tokens:
			return
		default:
			runtime.Gosched()
		}
	}
}
