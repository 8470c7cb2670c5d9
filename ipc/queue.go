package ipc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
)

// Queue carries values of type T between OS processes, in the order in which they were put.
// Any number of processes may put and get; every value goes to one of them. Make one with
// [NewQueue]; the zero Queue is not usable. It is Python's multiprocessing.Queue, except that
// there is no thread behind it: a value that cannot be encoded is an error of Put, and what Put
// has accepted is in the queue, whatever becomes of the process that put it.
//
// A value may contain whatever of this package can travel, and open files (*os.File). Of a
// value that cannot be decoded, because it is of another program, Get returns the error, and it
// is lost.
type Queue[T any] struct {
	b      queueBackend
	codec  *wire.Codec[T]
	direct *directQueue // if values can be encoded and decoded in place
}

// A QueueOption changes a queue from what it is by default.
type QueueOption func(*queueLimits)

// QueueBytes sets how many bytes of shared memory the queue has for its messages, at least;
// the default is 4 MiB. Memory that is never used takes no space. A message that needs more
// than half of it travels in memory of its own, which is slower.
func QueueBytes(n int) QueueOption { return func(l *queueLimits) { l.bytes = n } }

const defaultQueueBytes = 4 << 20

// NewQueue makes a queue in which at most items values wait, or with 0 as many as there is
// memory for. It fails if T cannot travel, with an error that names the part of it; if the sizes
// are out of range; or if the system has no more descriptors or memory to give.
func NewQueue[T any](items int, options ...QueueOption) (*Queue[T], error) {
	codec, limits, err := queueSetup[T]("NewQueue", items, options)
	if err != nil {
		return nil, err
	}
	b, err := makeQueue(limits)
	if err != nil {
		return nil, err
	}
	return openedQueue(b, codec), nil
}

func openedQueue[T any](b queueBackend, codec *wire.Codec[T]) *Queue[T] {
	q := &Queue[T]{b: b, codec: codec}
	if codec.Quick() {
		q.direct = directOf(b)
	}
	return q
}

func queueSetup[T any](name string, items int, options []QueueOption) (*wire.Codec[T], queueLimits, error) {
	l := queueLimits{items, defaultQueueBytes}
	for _, o := range options {
		o(&l)
	}
	if items < 0 || l.bytes < 1 {
		return nil, l, fmt.Errorf("ipc: %s with %d items and %d bytes: want numbers above zero", name, items, l.bytes)
	}
	if items == 0 {
		l.items = 1 << 23
	}
	codec, err := wire.For[T]()
	return codec, l, err
}

// Put puts v into the queue, waiting while it is full. It returns
//
//   - nil: the queue has accepted v;
//   - the encoder's error, which names the part of v that it is about;
//   - [ErrClosed], if the queue is closed, also while Put was waiting, or this handle detached;
//   - the context's cause, if ctx ended first; or an error of the system.
//
// With an error, v is not in the queue and never will be.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return q.put(ctx, v)
}

// TryPut puts v into the queue if there is room, and reports whether it did.
func (q *Queue[T]) TryPut(v T) (ok bool, err error) { return tried(q.put(noWait, v)) }

func (q *Queue[T]) put(ctx context.Context, v T) error {
	if q.direct != nil {
		if e := q.direct.beginPut(); e != nil {
			rest, err := q.direct.endPut(q.codec.Encode(e, v))
			if rest != nil {
				err = q.b.put(ctx, rest)
			}
			return err
		}
	}
	return putValue(ctx, q.b, q.codec, v)
}

// Get takes the next value, waiting for one if need be. It returns [ErrClosed] when the queue is
// closed and empty, or this handle was detached; the context's cause if ctx ended first, in
// which case nothing was taken; the decoder's error; or one of the system, such as that this
// process can have no more open files.
func (q *Queue[T]) Get(ctx context.Context) (v T, err error) {
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	return q.get(ctx)
}

func (q *Queue[T]) get(ctx context.Context) (v T, err error) {
	if q.direct != nil {
		if d := q.direct.beginGet(); d != nil {
			v, err = q.codec.Decode(d)
			q.direct.endGet()
			return v, err
		}
	}
	v, _, err = getValue(ctx, q.b, q.codec)
	return v, err
}

// TryGet takes the next value if there is one, and reports whether it did.
func (q *Queue[T]) TryGet() (v T, ok bool, err error) {
	v, err = q.get(noWait)
	ok, err = tried(err)
	return v, ok, err
}

// GetInto is [Queue.Get] for a queue of bytes that puts them into the memory of buf, if that has
// room for them, and otherwise into new memory. It returns them, or buf[:0] with an error.
//
// With large messages this is several times as fast as Get: a program with little memory in use
// collects its garbage after every few megabytes that it allocates.
func GetInto(ctx context.Context, q *Queue[[]byte], buf []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return buf[:0], context.Cause(ctx)
	}
	if q.direct != nil {
		if d := q.direct.beginGet(); d != nil {
			b, err := decodeInto(d, buf)
			q.direct.endGet()
			return b, err
		}
	}
	m, err := q.b.get(ctx)
	if err != nil {
		return buf[:0], err
	}
	defer m.end()
	return decodeInto(m.body, buf)
}

// decodeInto decodes bytes as the codec does: 0 for nil, or their number + 1, and then them.
func decodeInto(d *wire.Decoder, buf []byte) ([]byte, error) {
	n, err := d.Uint()
	switch {
	case err != nil:
		return buf[:0], err
	case n == 0:
		return nil, nil
	case n-1 > uint64(len(d.Bytes)):
		return buf[:0], wire.ErrMalformed
	}
	return append(buf[:0], d.Bytes[:n-1]...), nil
}

// All yields the queue's values until it is closed and empty. Any other error, and the
// context's cause if ctx ends, is yielded with a zero value, and ends the loop. Leaving the loop
// takes nothing more.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := q.Get(ctx)
			if errors.Is(err, ErrClosed) || !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Poll waits until there is a value to get, or the end of them, for [WaitAny].
func (q *Queue[T]) Poll(ctx context.Context) error { return pollQueue(ctx, q.b) }

// Close says to everybody that nothing more will be put. What is in the queue can still be
// got. Further calls do nothing. The handle stays; see [Queue.Detach].
func (q *Queue[T]) Close() error {
	_, err := q.b.control(true)
	return err
}

// Len returns how many values wait in the queue at the moment.
func (q *Queue[T]) Len() (int, error) {
	s, err := q.b.control(false)
	return s.length, err
}

// Detach lets go of this handle; see [Lock.Detach]. What is in the queue stays there for the
// others, and is gone with the last handle.
func (q *Queue[T]) Detach() error { return q.b.handle().detach() }

// EncodeWire gives another process a handle; it is for the codecs of this module.
func (q *Queue[T]) EncodeWire(e *wire.Encoder) error {
	if q.b == nil {
		return errUnmade("Queue")
	}
	e.Uint(q.codec.Fingerprint())
	return q.b.handle().encode(e)
}

// DecodeWire makes q a handle of what [Queue.EncodeWire] encoded.
func (q *Queue[T]) DecodeWire(d *wire.Decoder) (err error) {
	if q.codec, err = checkType[T](d); err != nil {
		return err
	}
	b, err := decodeBackend(d, openQueue, openBrokerQueue)
	if err == nil {
		*q = *openedQueue(b, q.codec)
	}
	return err
}

// checkType reads the fingerprint of T's codec, and returns the codec.
func checkType[T any](d *wire.Decoder) (*wire.Codec[T], error) {
	shape, err := d.Uint()
	if err != nil {
		return nil, err
	}
	codec, err := wire.For[T]()
	if err == nil && shape != codec.Fingerprint() {
		err = fmt.Errorf("ipc: a queue of other values came than of %T: is the same program on the other side?", *new(T))
	}
	return codec, err
}

var encoders = sync.Pool{New: func() any { return new(wire.Encoder) }}

func putValue[T any](ctx context.Context, b queueBackend, codec *wire.Codec[T], v T) error {
	e := encoders.Get().(*wire.Encoder)
	err := codec.Encode(e, v)
	if err == nil {
		err = b.put(ctx, e)
	}
	runtime.KeepAlive(&v) // descriptors inside of v are borrowed until now
	if cap(e.Bytes) > keepParcel {
		e.Bytes = nil
	}
	*e = wire.Encoder{Bytes: e.Bytes[:0], Files: e.Files[:0]}
	encoders.Put(e)
	return err
}

func getValue[T any](ctx context.Context, b queueBackend, codec *wire.Codec[T]) (v T, d delivery, err error) {
	if d, err = b.get(ctx); err != nil {
		return v, d, err
	}
	v, err = codec.Decode(d.body)
	d.end()
	return v, d, err
}

func pollQueue(ctx context.Context, b queueBackend) error {
	if err := b.ready(ctx); err != nil && gaveUp(ctx, err) {
		return err
	}
	return nil
}

// keepParcel is the largest buffer that is kept for the next message.
const keepParcel = 4 << 20
