package ipc

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/troupe-go/troupe/internal/wire"
)

// The backends of the broker that carry data.

type brokerCells struct {
	*remote
	size, count int
}

func newBrokerCells(size, count int) (cellsBackend, error) {
	r, err := makeHere(kindCells, uint64(size), uint64(count))
	if err != nil {
		return nil, err
	}
	return brokerCells{r, size, count}, nil
}

func openBrokerCells(d *wire.Decoder) (cellsBackend, error) {
	size, err1 := d.Uint()
	count, err2 := d.Uint()
	if errors.Join(err1, err2) != nil || size < 1 || count < 1 || size > maxCells || count > maxCells/size {
		return nil, wire.ErrMalformed
	}
	r, err := openRemote(d)
	if err != nil {
		return nil, err
	}
	return brokerCells{r, int(size), int(count)}, nil
}

// encode puts the shape between the origin and the handle.
func (b brokerCells) encode(e *wire.Encoder) error {
	before := len(e.Bytes)
	e.Bytes = append(e.Bytes, byte(originBroker))
	e.Uint(uint64(b.size))
	e.Uint(uint64(b.count))
	at := len(e.Bytes)
	if err := b.remote.encode(e); err != nil {
		e.Bytes = e.Bytes[:before]
		return err
	}
	e.Bytes = slices.Delete(e.Bytes, at, at+1) // the origin is there already
	return nil
}

func (b brokerCells) handle() handle    { return b }
func (b brokerCells) shape() (int, int) { return b.size, b.count }

func (b brokerCells) load(ctx context.Context, i int, into []byte) error {
	_, err := b.loadVersion(ctx, i, into)
	return err
}

func (b brokerCells) loadVersion(ctx context.Context, i int, into []byte) (uint64, error) {
	var args wire.Encoder
	args.Uint(uint64(i))
	d, err := b.ask(ctx, opLoad, &args)
	if err != nil {
		return 0, err
	}
	version, err := d.Uint()
	if err != nil || len(d.Bytes) != len(into) {
		return 0, wire.ErrMalformed
	}
	copy(into, d.Bytes)
	return version, nil
}

func (b brokerCells) update(ctx context.Context, i int, f func(cell []byte) bool) error {
	cell := make([]byte, b.size)
	for {
		version, err := b.loadVersion(ctx, i, cell)
		if err != nil || !f(cell) {
			return err
		}
		var args wire.Encoder
		args.Uint(uint64(i))
		args.Uint(version)
		args.Bytes = append(args.Bytes, cell...)
		if _, err := b.ask(ctx, opStore, &args); !errors.Is(err, errConflict) {
			return err
		}
	}
}

func (b brokerCells) view(ctx context.Context, f func(all []byte) error) error {
	d, err := b.ask(ctx, opView, nil)
	if err != nil {
		return err
	}
	number, err := d.Uint()
	if err != nil || len(d.Bytes) != b.size*b.count {
		return wire.ErrMalformed
	}
	all := make([]byte, len(d.Bytes)) // where it is aligned for whatever is in it
	copy(all, d.Bytes)
	failed := errors.New("ipc: the view has panicked")
	ended := func() error {
		var args wire.Encoder
		args.Uint(number)
		if !bytes.Equal(all, d.Bytes) {
			args.Bytes = append(args.Bytes, all...)
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
		defer cancel()
		_, err := b.ask(ctx, opViewed, &args)
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			_ = errors.Join(failed, ended())
			panic(r)
		}
	}()
	failed = f(all)
	return errors.Join(failed, ended())
}

type brokerQueue struct{ *remote }

func newBrokerQueue(limits queueLimits) (queueBackend, error) {
	return backend[queueBackend](makeHere(kindQueue, uint64(limits.items), uint64(limits.bytes)))(asQueue)
}

func newBrokerTasks(limits queueLimits) (taskBackend, error) {
	return backend[taskBackend](makeHere(kindTasks, uint64(limits.items), uint64(limits.bytes)))(asTasks)
}

func openBrokerQueue(d *wire.Decoder) (queueBackend, error) {
	return backend[queueBackend](openRemote(d))(asQueue)
}

func openBrokerTasks(d *wire.Decoder) (taskBackend, error) {
	return backend[taskBackend](openRemote(d))(asTasks)
}

func asQueue(r *remote) queueBackend { return brokerQueue{r} }
func asTasks(r *remote) taskBackend  { return brokerQueue{r} }

func (q brokerQueue) handle() handle { return q.remote }

func (q brokerQueue) put(ctx context.Context, e *wire.Encoder) error {
	_, err := q.ask(ctx, opPut, e)
	return err
}

func (q brokerQueue) get(ctx context.Context) (delivery, error) {
	d, err := q.ask(ctx, opGet, nil)
	if err != nil {
		return delivery{}, err
	}
	lease, err1 := d.Uint()
	count, err2 := d.Uint()
	if err := errors.Join(err1, err2); err != nil {
		d.Close()
		return delivery{}, err
	}
	return delivery{body: d, lease: lease, count: int(count)}, nil
}

func (q brokerQueue) ready(ctx context.Context) error { return q.do(ctx, opReady) }

func (q brokerQueue) control(end bool) (queueState, error) {
	n, err := q.state(opControl, 3, flag(end))
	if err != nil {
		return queueState{}, err
	}
	return queueState{length: int(n[0]), unfinished: int(n[1]), closed: n[2] == 1}, nil
}

func (q brokerQueue) settle(lease uint64, done bool) error {
	return q.soon(opSettle, lease, flag(done))
}

func (q brokerQueue) join(ctx context.Context) error { return q.do(ctx, opJoin) }
