package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

// A contest is what a process that wants a lock is told.
type contest struct {
	Lock  *ipc.Lock
	Began *ipc.Event // set when it has begun
	For   time.Duration
}

// contend locks and unlocks for a while, once the contest has begun, and returns how often.
var contend = osproc.Register("contend", func(ctx context.Context, c contest) (int, error) {
	if err := c.Began.Wait(ctx); err != nil {
		return 0, err
	}
	n := 0
	for end := time.Now().Add(c.For); n&63 != 0 || time.Now().Before(end); n++ {
		if err := c.Lock.Lock(ctx); err != nil {
			return n, err
		}
		if err := c.Lock.Unlock(); err != nil {
			return n, err
		}
	}
	return n, nil
})

// hold locks and never unlocks.
var hold = osproc.Register("hold", func(ctx context.Context, c contest) (int, error) {
	if err := c.Lock.Lock(ctx); err != nil {
		return 0, err
	}
	if err := c.Began.Set(); err != nil {
		return 0, err
	}
	<-ctx.Done()
	return 0, nil
})

// lockRows are about locks.
func lockRows(context.Context) ([]*row, func(), error) {
	rows := []*row{
		{
			what: "Lock: lock and unlock, nobody else", target: 2.5, peer: "multiprocessing.Lock",
			ours: lockAlone, theirs: python("lock_alone", few(500_000)),
		},
		{
			what: "Lock: the same", target: 0.67, peer: "sync.Mutex", ours: lockAlone, theirs: mutexAlone,
		},
		{
			what: "Lock: two processes want it", unit: perSecond, target: 1.2, peer: "multiprocessing.Lock",
			ours: lockContended, theirs: python("lock_contended", few(400)),
		},
		{
			what: "Lock: to the next after SIGKILL of the holder", limit: 5e-3, peer: "multiprocessing.Lock: waits for ever",
			ours: lockInherited,
		},
		{
			what: "Lock: end of a wait whose context ends", limit: 1e-3, peer: "multiprocessing.Lock: cannot",
			ours: lockCancelled,
		},
	}
	return rows, func() {}, nil
}

func lockAlone(ctx context.Context) (float64, error) {
	l, err := ipc.NewLock()
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Detach() }()
	return each(few(2_000_000), func() error {
		if err := l.Lock(ctx); err != nil {
			return err
		}
		return l.Unlock()
	})
}

func mutexAlone(context.Context) (float64, error) {
	var mu sync.Mutex
	return each(few(2_000_000), func() error {
		mu.Lock()
		mu.Unlock() //nolint:staticcheck // it is the pair that is measured
		return nil
	})
}

// each is the time that f takes, which is called n times.
func each(n int, f func() error) (float64, error) {
	t, err := timed(func() error {
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	})
	return t / float64(n), err
}

// newContest makes a lock, and an event to begin with.
func newContest() (c contest, end func(), err error) {
	if c.Lock, err = ipc.NewLock(); err != nil {
		return c, nil, err
	}
	if c.Began, err = ipc.NewEvent(); err != nil {
		return c, nil, err
	}
	return c, func() { _, _ = c.Lock.Detach(), c.Began.Detach() }, nil
}

// lockContended is how often two processes together have the lock, in a second.
func lockContended(ctx context.Context) (float64, error) {
	c, end, err := newContest()
	if err != nil {
		return 0, err
	}
	defer end()
	c.For = time.Duration(few(400)) * time.Millisecond
	var both [2]*osproc.Process[int]
	for i := range both {
		if both[i], err = contend.Start(ctx, c); err != nil {
			return 0, err
		}
	}
	if err := c.Began.Set(); err != nil {
		return 0, err
	}
	total := 0
	for _, p := range both {
		n, err := p.Wait(ctx)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return float64(total) / c.For.Seconds(), nil
}

// lockInherited is the time from the kill of the holder until a waiter has the lock.
func lockInherited(ctx context.Context) (float64, error) {
	var all []float64
	for range few(20) {
		t, err := inherit(ctx)
		if err != nil {
			return 0, err
		}
		all = append(all, t)
	}
	return median(all), nil
}

func inherit(ctx context.Context) (float64, error) {
	c, end, err := newContest()
	if err != nil {
		return 0, err
	}
	defer end()
	holder, err := hold.Start(ctx, c)
	if err != nil {
		return 0, err
	}
	if err := c.Began.Wait(ctx); err != nil {
		return 0, err
	}
	got := make(chan error, 1)
	var at time.Time
	go func() {
		err := c.Lock.Lock(ctx)
		at = time.Now()
		got <- err
	}()
	settle()
	killed := time.Now()
	if err := syscall.Kill(holder.PID(), syscall.SIGKILL); err != nil {
		return 0, err
	}
	if err := <-got; !errors.Is(err, ipc.ErrOwnerDied) {
		return 0, fmt.Errorf("the next has the lock with %w instead of ErrOwnerDied", err)
	}
	<-holder.Done()
	return at.Sub(killed).Seconds(), nil
}

// settle gives a goroutine the time to begin to wait.
func settle() { time.Sleep(5 * time.Millisecond) }

// lockCancelled is the time from the end of a context until Lock returns.
func lockCancelled(ctx context.Context) (float64, error) {
	c, end, err := newContest()
	if err != nil {
		return 0, err
	}
	defer end()
	holder, err := hold.Start(ctx, c)
	if err != nil {
		return 0, err
	}
	defer func() { _ = holder.Kill(); <-holder.Done() }()
	if err := c.Began.Wait(ctx); err != nil {
		return 0, err
	}
	var all []float64
	for range few(50) {
		waiting, cancel := context.WithCancel(ctx)
		got := make(chan time.Time, 1)
		var lockErr error
		go func() {
			lockErr = c.Lock.Lock(waiting)
			got <- time.Now()
		}()
		settle()
		cancelled := time.Now()
		cancel()
		at := <-got
		if !errors.Is(lockErr, context.Canceled) {
			return 0, fmt.Errorf("a cancelled wait has ended with %w", lockErr)
		}
		all = append(all, at.Sub(cancelled).Seconds())
	}
	return median(all), nil
}
