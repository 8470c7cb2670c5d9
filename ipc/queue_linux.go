package ipc

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"runtime"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedQueue is a ring with two mutexes, one for those who put and one for those who get.
//
// A put writes behind the tail and then moves it; a get reads in front of the head and then
// moves it. Whoever dies before that has done nothing, and whoever dies after that is done, so
// that there is nothing to repair. Those who wait for a message look and mark under the mutex
// of those who put, and the other way round; see package shm. Who finds no room takes the
// turnstile before waiting for it, so that those who come later and need less stay behind.
type sharedQueue struct {
	*shared
	*queueLocal
	ring  ring
	files carrier
}

// queueLocal is what all handles of a queue in this process have in common.
type queueLocal struct {
	puts, gets, turnstile *shm.Mutex
	filled, freed         *shm.Mark // messages have come; room has come
	line                  turn      // of those who wait for a message
	spinGet, spinPut      spinner

	// Guarded by puts.
	encoder   wire.Encoder
	pos, skip int
	lastSize  int

	// Guarded by gets.
	decoder  wire.Decoder
	nextHead uint64
}

// Where things are in the data: each on a cache line of its own.
const (
	queuePuts      = 0
	queueGets      = 64
	queueTurnstile = 128
	queueFilled    = 192
	queueFreed     = 256
	queueTail      = 320
	queueHead      = 384
	queueItems     = 448
	queueRing      = 512
)

// The bells: those who get wait for the first, those who put for the second.
var queueLayout = shm.Layout{Kind: regionQueue, Bells: 2, Extra: 2}

func makeQueue(limits queueLimits) (queueBackend, error) {
	size := max(1<<bits.Len(uint(limits.bytes-1)), 4096)
	if size > maxRing || limits.items > maxItems {
		return nil, fmt.Errorf("ipc: a queue of %d messages and %d bytes: want at most %d messages and %d bytes", limits.items, limits.bytes, maxItems, maxRing)
	}
	pair, err := newCarrier()
	if err != nil {
		return nil, err
	}
	l := queueLayout
	l.Size = queueRing + size
	s, err := newShared(shm.Create(l, pair...))
	if err != nil {
		return nil, err
	}
	s.Word(queueItems).Store(uint64(limits.items))
	return newSharedQueue(s, nil)
}

func openQueue(d *wire.Decoder) (queueBackend, error) {
	return newSharedQueue(openShared(d, queueLayout))
}

func newSharedQueue(s *shared, err error) (queueBackend, error) {
	if err != nil {
		return nil, err
	}
	size := len(s.Data()) - queueRing
	if size < 4096 || size&(size-1) != 0 || size > maxRing {
		_ = s.detach()
		return nil, wire.ErrMalformed
	}
	local := s.Local(func() any {
		return &queueLocal{
			puts: s.NewMutex(queuePuts, 1), gets: s.NewMutex(queueGets, 0), turnstile: s.NewMutex(queueTurnstile, 1),
			filled: s.Mark(queueFilled, 0), freed: s.Mark(queueFreed, 1), line: make(turn, 1), lastSize: ringHeader,
		}
	})
	q := &sharedQueue{shared: s, queueLocal: local.(*queueLocal), files: carrier{s.Region}}
	q.ring = ring{head: s.Word(queueHead), tail: s.Word(queueTail), mem: s.Data()[queueRing:]}
	q.ring.items = int(min(s.Word(queueItems).Load(), maxItems))
	return q, nil
}

func (q *sharedQueue) handle() handle { return q.shared }

// enter locks one of the mutexes. mark is the one that it guards.
func (q *sharedQueue) enter(ctx context.Context, m *shm.Mutex, mark *shm.Mark) error {
	if q.detached.Load() {
		return ErrClosed
	}
	err := m.Lock(ctx)
	if errors.Is(err, errBusy) { // which only noWait can cause
		brief, cancel := context.WithTimeoutCause(context.Background(), patience, errBusy)
		defer cancel()
		err = m.Lock(brief)
	}
	if errors.Is(err, ErrOwnerDied) {
		mark.Renew()
		err = nil
	}
	return err
}

func (q *sharedQueue) put(ctx context.Context, e *wire.Encoder) error {
	defer runtime.KeepAlive(q)
	m, err := packParcel(e, len(q.ring.mem)/2)
	if err != nil {
		return err
	}
	defer m.close()
	if err := q.enter(ctx, q.puts, q.filled); err != nil {
		return err
	}
	err = errFull
	if q.turnstile.Free() {
		err = q.publish(m)
	}
	_ = q.puts.Unlock()
	if errors.Is(err, errFull) {
		return q.putWaiting(ctx, m)
	}
	return err
}

// errFull says that there is no room, in the ring or among the files.
var errFull = errors.New("ipc: full")

// publish puts m, if there is room. puts is locked.
func (q *sharedQueue) publish(m *parcel) error {
	if q.ring.closed() {
		return ErrClosed
	}
	pos, skip, ok := q.ring.place(m.header.size())
	if !ok {
		return errFull
	}
	if len(m.files) > 0 {
		m.header.owner = uint64(q.Self())
		if err := q.files.send(q.ring.tail.Load(), m); err != nil {
			return err
		}
	}
	tail := q.ring.write(m.header, pos, skip, m.body)
	q.filled.Ring()
	q.Order().Published()
	q.ring.tail.Store(tail)
	return nil
}

// putWaiting puts m as soon as there is room.
func (q *sharedQueue) putWaiting(ctx context.Context, m *parcel) error {
	if err := q.turnstile.Lock(ctx); err != nil && !errors.Is(err, ErrOwnerDied) {
		return err
	}
	defer func() { _ = q.turnstile.Unlock() }()
	for {
		if err := q.enter(ctx, q.puts, q.filled); err != nil {
			return err
		}
		err := q.publish(m)
		_ = q.puts.Unlock()
		if !errors.Is(err, errFull) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := q.awaitRoom(ctx); err != nil {
			return err
		}
	}
}

// awaitRoom waits until something was taken.
func (q *sharedQueue) awaitRoom(ctx context.Context) error {
	head := q.ring.head.Load()
	moved := func() bool { return q.ring.head.Load() != head || q.ring.closed() }
	if q.spinPut.spin(moved) {
		return nil
	}
	if err := q.enter(ctx, q.gets, q.freed); err != nil {
		return err
	}
	if q.ring.empty() {
		q.sweep(ctx)
	} else if !moved() {
		t := q.freed.Set()
		_ = q.gets.Unlock()
		return q.freed.Wait(ctx, t)
	}
	_ = q.gets.Unlock()
	return nil
}

// sweep drops the files that producers who died have left behind, if there is no message. gets
// is locked.
func (q *sharedQueue) sweep(ctx context.Context) {
	if q.enter(ctx, q.puts, q.filled) == nil {
		if q.ring.empty() {
			q.files.sweep()
		}
		_ = q.puts.Unlock()
	}
}

func (q *sharedQueue) get(ctx context.Context) (delivery, error) {
	defer runtime.KeepAlive(q)
	d, ok, err := q.take(ctx)
	if ok || err != nil {
		return d, err
	}
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	if err := q.line.take(ctx); err != nil {
		return d, err
	}
	defer q.line.give()
	for {
		if err := q.awaitMessage(ctx); err != nil {
			return d, err
		}
		if d, ok, err = q.take(ctx); ok || err != nil {
			return d, err
		}
	}
}

// take takes the next message, if there is one.
func (q *sharedQueue) take(ctx context.Context) (d delivery, ok bool, err error) {
	if err := q.enter(ctx, q.gets, q.freed); err != nil {
		return d, false, err
	}
	defer func() { _ = q.gets.Unlock() }()
	if q.ring.empty() {
		if q.ring.closed() && q.ring.empty() {
			return d, false, ErrClosed
		}
		return d, false, nil
	}
	q.Order().Observed()
	e, body, head, err := q.ring.first()
	if err != nil {
		return d, false, err
	}
	m := newParcel(e)
	if e.files > 0 {
		if m.Files, err = q.files.peek(q.ring.head.Load(), e); err != nil {
			m.free()
			return d, false, err
		}
	}
	copy(m.Bytes, body)
	q.freed.Ring()
	q.ring.head.Store(head)
	if e.files > 0 {
		q.files.drop()
	}
	if e.flags&flagSpilled != 0 {
		if err := m.unspill(); err != nil {
			m.Close()
			m.free()
			return d, false, err
		}
	}
	return delivery{body: &m.Decoder, parcel: m}, true, err
}

// awaitMessage waits until there may be a message, or the end of them.
func (q *sharedQueue) awaitMessage(ctx context.Context) error {
	come := func() bool { return !q.ring.empty() || q.ring.closed() }
	if q.spinGet.spin(come) {
		return nil
	}
	if err := q.enter(ctx, q.puts, q.filled); err != nil {
		return err
	}
	if come() {
		_ = q.puts.Unlock()
		return nil
	}
	t := q.filled.Set()
	_ = q.puts.Unlock()
	err := q.filled.Wait(ctx, t)
	if err == nil && !come() { // rung by one who is about to put
		q.spinGet.once(come)
	}
	return err
}

func (q *sharedQueue) ready(ctx context.Context) error {
	defer runtime.KeepAlive(q)
	for {
		switch {
		case q.detached.Load():
			return ErrClosed
		case !q.ring.empty() || q.ring.closed():
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if err := q.awaitMessage(ctx); err != nil {
			return err
		}
	}
}

func (q *sharedQueue) control(end bool) (queueState, error) {
	defer runtime.KeepAlive(q)
	if q.detached.Load() {
		return queueState{}, ErrClosed
	}
	if end && !q.ring.closed() {
		if err := q.close(); err != nil {
			return queueState{}, err
		}
	}
	_, n := used(q.ring.head.Load(), q.ring.tail.Load())
	return queueState{length: n, unfinished: n, closed: q.ring.closed()}, nil
}

// close ends the queue. Both kinds of waiting look under one of the two mutexes.
func (q *sharedQueue) close() error {
	ctx := context.Background()
	if err := q.enter(ctx, q.gets, q.freed); err != nil {
		return err
	}
	defer func() { _ = q.gets.Unlock() }()
	if err := q.enter(ctx, q.puts, q.filled); err != nil {
		return err
	}
	defer func() { _ = q.puts.Unlock() }()
	q.filled.Ring()
	q.freed.Ring()
	q.ring.tail.Or(ringClosed)
	return nil
}
