package csp

import (
	"context"
	"sync"
	"time"
)

// After returns a channel that yields the time once, when d has passed, and is closed then.
// If ctx ends first, the channel is closed without a value and its timer is stopped. It costs
// no goroutine. It is core.async's timeout, which closes without a value.
func After(ctx context.Context, d time.Duration) *Chan[time.Time] {
	c := New[time.Time](Fixed(1))
	t := new(alarm)
	t.start(ctx, d, c.CloseWithError, func() {
		c.TryPut(time.Now())
		c.Close()
		t.release()
	})
	return c
}

// Beat is one tick of [Tick].
type Beat struct {
	N  int       // 1 for the first; a gap tells of beats that nobody was there to get
	At time.Time // when it was due
}

// Tick returns a channel that yields a beat every d, the first d from now, until ctx ends or
// the channel is closed by whoever reads it. Beats are due at fixed times from the start, so
// that they do not drift. A beat that comes before the last one was gotten replaces it. It
// costs no goroutine. It panics if d is not positive.
func Tick(ctx context.Context, d time.Duration) *Chan[Beat] {
	return TickFrom(ctx, time.Now().Add(d), d)
}

// TickFrom is [Tick] with the first beat due at first. If that is in the past, the beats
// missed are not made up for, but counted: N is what it would be had all been seen.
func TickFrom(ctx context.Context, first time.Time, d time.Duration) *Chan[Beat] {
	if d <= 0 {
		panic("csp: Tick needs a positive duration")
	}
	t := &ticker{c: New[Beat](Sliding(1)), first: first, every: d}
	t.start(ctx, t.untilNext(), t.c.CloseWithError, t.fire)
	return t.c
}

type ticker struct {
	alarm
	c     *Chan[Beat]
	first time.Time
	every time.Duration
	next  int // the beat that the timer is set for, less one; fire's own after the start
}

// untilNext moves on to the first beat that is not over yet, and says how long until then.
func (t *ticker) untilNext() time.Duration {
	wait := time.Until(t.due(t.next))
	if wait < 0 {
		t.next += int((-wait + t.every - 1) / t.every)
		wait = time.Until(t.due(t.next))
	}
	return wait
}

func (t *ticker) due(i int) time.Time { return t.first.Add(time.Duration(i) * t.every) }

func (t *ticker) fire() {
	if t.c.TryPut(Beat{N: t.next + 1, At: t.due(t.next)}) == Closed {
		t.release()
		return
	}
	t.next++
	t.again(t.untilNext())
}

// alarm is a timer that a context stops, and that lets go of the context once it is not
// needed any more.
type alarm struct {
	mu     sync.Mutex // held during start, for a timer may fire before it returns
	timer  *time.Timer
	forget func() bool
}

func (a *alarm) start(ctx context.Context, d time.Duration, stopped func(error), ring func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(d, ring)
	a.forget = context.AfterFunc(ctx, func() {
		stopped(context.Cause(ctx))
		a.mu.Lock()
		defer a.mu.Unlock()
		a.timer.Stop()
	})
}

func (a *alarm) again(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer.Reset(d)
}

func (a *alarm) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget()
}
