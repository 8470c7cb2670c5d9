package ipc

import (
	"context"
	"errors"
	"math/rand/v2"
)

// Waitable is something that can become ready: a connection with a message, a queue with a
// value, a process that has ended. [Conn], [Listener], the queues of this package and
// osproc.Process implement it, and so can types of other packages; see [WaitAny].
type Waitable interface {
	// Poll waits until there is something to be had without waiting, and returns nil; it
	// takes nothing. An end or a failure that the next call would report counts as ready.
	// Otherwise Poll returns the context's cause once ctx ends; it looks once before that,
	// so that a context which has ended already asks: is it ready now?
	//
	// Any number of goroutines may call Poll at the same time.
	Poll(ctx context.Context) error
}

// errFound ends the waits of a [WaitAny] that were for nothing.
var errFound = errors.New("ipc: another one is ready")

// WaitAny waits until one of ws is ready, and returns its index. Of several that are ready it
// picks one at random, so that a busy one cannot hide the others. It takes nothing: with other
// users of the same things about, what was ready may be gone before it is fetched.
//
// It returns -1 and the context's cause if ctx ends first, having looked once; and the error
// of a Poll that failed for another reason, with its index. With no ws it waits for ctx.
//
// It is Python's multiprocessing.connection.wait, for one at a time.
func WaitAny(ctx context.Context, ws ...Waitable) (int, error) {
	if len(ws) == 0 {
		<-ctx.Done()
		return -1, context.Cause(ctx)
	}
	first := rand.IntN(len(ws))
	for i := range ws {
		i = (i + first) % len(ws)
		if err := ws[i].Poll(noWait); !gaveUp(noWait, err) {
			return i, err
		}
	}
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	return waitAny(ctx, ws)
}

// waitAny waits with one goroutine for each of ws. All have ended when it returns.
func waitAny(ctx context.Context, ws []Waitable) (int, error) {
	type found struct {
		i   int
		err error
	}
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(errFound)
	all := make(chan found, len(ws))
	for i, w := range ws {
		go func() { all <- found{i, w.Poll(within)} }()
	}
	best := found{-1, nil}
	for range ws {
		f := <-all
		cancel(errFound)
		if best.i < 0 && !gaveUp(within, f.err) {
			best = f
		}
	}
	if best.i < 0 {
		return -1, context.Cause(ctx)
	}
	return best.i, best.err
}

// gaveUp reports that err says no more than that ctx has ended.
func gaveUp(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
}
