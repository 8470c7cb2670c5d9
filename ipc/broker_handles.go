package ipc

import (
	"context"
	"errors"
	"runtime"

	"github.com/troupe-go/troupe/internal/wire"
)

// What follows are the backends of the broker. Each is a remote that knows what to ask for.

type (
	brokerLock      struct{ *remote }
	brokerSemaphore struct{ *remote }
	brokerEvent     struct{ *remote }
	brokerCondition struct{ *remote }
	brokerBarrier   struct{ *remote }
)

// create asks for an object of kind k; see broker.open. A name that is empty makes a new one.
func create(ctx context.Context, l *link, k kind, name string, params ...uint64) (*remote, error) {
	var p wire.Encoder
	for _, v := range params {
		p.Uint(v)
	}
	return createWith(ctx, l, k, name, p.Bytes, nil)
}

// createWith is create, of something for which numbers do not do. initial, if not nil, appends
// what a new one begins with.
func createWith(ctx context.Context, l *link, k kind, name string, params []byte, initial func(*wire.Encoder) error) (*remote, error) {
	args := wire.Encoder{Peer: l.peer()}
	args.Uint(uint64(k))
	args.Text(name)
	args.Text(string(params))
	if initial != nil {
		if err := initial(&args); err != nil {
			return nil, err
		}
	}
	l.retain()
	d, err := l.call(ctx, question{op: opNew, args: &args})
	runtime.KeepAlive(&args) // and what it holds
	var number uint64
	if err == nil {
		number, err = d.Uint()
	}
	if err != nil {
		l.drop()
		return nil, err
	}
	return newRemote(l, number), nil
}

// makeHere is create, in the broker that stands in for shared memory.
func makeHere(k kind, params ...uint64) (*remote, error) {
	return create(context.Background(), home(), k, "", params...)
}

func newBrokerLock() (lockBackend, error) { return backend[lockBackend](makeHere(kindLock))(asLock) }

func newBrokerSemaphore(initial int, bounded bool) (semaphoreBackend, error) {
	return backend[semaphoreBackend](makeHere(kindSemaphore, flag(bounded), uint64(initial)))(asSemaphore)
}

func newBrokerEvent() (eventBackend, error) {
	return backend[eventBackend](makeHere(kindEvent))(asEvent)
}

func newBrokerCondition() (conditionBackend, error) {
	return backend[conditionBackend](makeHere(kindCondition))(asCondition)
}

func newBrokerBarrier(parties int) (barrierBackend, error) {
	return backend[barrierBackend](makeHere(kindBarrier, uint64(parties)))(asBarrier)
}

func openBrokerLock(d *wire.Decoder) (lockBackend, error) {
	return backend[lockBackend](openRemote(d))(asLock)
}

func openBrokerSemaphore(d *wire.Decoder) (semaphoreBackend, error) {
	return backend[semaphoreBackend](openRemote(d))(asSemaphore)
}

func openBrokerEvent(d *wire.Decoder) (eventBackend, error) {
	return backend[eventBackend](openRemote(d))(asEvent)
}

func openBrokerCondition(d *wire.Decoder) (conditionBackend, error) {
	return backend[conditionBackend](openRemote(d))(asCondition)
}

func openBrokerBarrier(d *wire.Decoder) (barrierBackend, error) {
	return backend[barrierBackend](openRemote(d))(asBarrier)
}

func asLock(r *remote) lockBackend           { return brokerLock{r} }
func asSemaphore(r *remote) semaphoreBackend { return brokerSemaphore{r} }
func asEvent(r *remote) eventBackend         { return brokerEvent{r} }
func asCondition(r *remote) conditionBackend { return brokerCondition{r} }
func asBarrier(r *remote) barrierBackend     { return brokerBarrier{r} }

// backend makes a backend of a remote, unless there is an error.
func backend[B any](r *remote, err error) func(as func(*remote) B) (B, error) {
	return func(as func(*remote) B) (b B, _ error) {
		if err != nil {
			return b, err
		}
		return as(r), nil
	}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (l brokerLock) lock(ctx context.Context) error { return l.do(ctx, opLock) }
func (l brokerLock) unlock() error                  { return l.soon(opUnlock) }

// holding is what this process keeps for a reentrant lock, one for all its handles.
func (l brokerLock) holding() *holding { return l.link.holding(l.number) }

func (s brokerSemaphore) acquire(ctx context.Context) error { return s.do(ctx, opAcquire) }
func (s brokerSemaphore) release(n int) error               { return s.soon(opPermits, uint64(n)) }

func (s brokerSemaphore) value() (int, error) {
	n, err := s.state(opValue, 1)
	if err != nil {
		return 0, err
	}
	return int(n[0]), nil
}

// state asks for numbers, without a context.
func (r *remote) state(op byte, n int, args ...uint64) ([]uint64, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
	defer cancel()
	return r.numbers(ctx, op, n, args...)
}

func (e brokerEvent) set() error                     { return e.soon(opSet) }
func (e brokerEvent) clear() error                   { return e.soon(opClear) }
func (e brokerEvent) wait(ctx context.Context) error { return e.do(ctx, opWait) }

func (c brokerCondition) enter() (uint64, error) {
	n, err := c.state(opEnter, 1)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

func (c brokerCondition) wait(ctx context.Context, ticket uint64) error {
	return c.do(ctx, opWait, ticket)
}

func (c brokerCondition) notify(n int) error { return c.soon(opNotify, uint64(n)) }

// wait runs the action if this party is the last: the broker asks for it in its answer.
func (b brokerBarrier) wait(ctx context.Context, action func() error) (int, error) {
	n, err := b.numbers(ctx, opWait, 3, flag(action != nil))
	if err != nil || n[1] == 0 {
		if err != nil {
			return 0, err
		}
		return int(n[0]), nil
	}
	failed := safely(action)
	err = b.soon(opActed, n[2], flag(failed != nil))
	switch {
	case errors.Is(err, ErrBroken):
		return int(n[0]), errors.Join(ErrBroken, failed)
	case failed != nil:
		return int(n[0]), failed
	}
	return int(n[0]), err
}

func (b brokerBarrier) mend(whole bool) error { return b.soon(opMend, flag(whole)) }

func (b brokerBarrier) state() (waiting int, broken bool, err error) {
	n, err := b.remote.state(opState, 2)
	if err != nil {
		return 0, false, err
	}
	return int(n[0]), n[1] == 1, nil
}
