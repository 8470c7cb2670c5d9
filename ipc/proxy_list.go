package ipc

import (
	"context"
	"errors"
	"runtime"

	"github.com/troupe-go/troupe/internal/wire"
)

// List is a list that a [Manager] keeps. Open one with [OpenList]. Values are copied on their
// way in and out: to change one, set it again, or use [List.Update].
//
// Elements are numbered from 0. All methods may be called by any number of goroutines and
// processes. They return [ErrNotFound] for elements that there are not, the context's cause if
// ctx ended first, and errors as in [Manager]; a value of another type, set by another program,
// is a [*TypeError].
type List[T any] struct{ proxy }

// OpenList opens a list of m; see [Manager.Lock] for names.
func OpenList[T any](ctx context.Context, m *Manager, name string) (*List[T], error) {
	p, err := openProxy[T](ctx, m, kindList, name, nil, nil)
	if err != nil {
		return nil, err
	}
	return &List[T]{p}, nil
}

// Len returns how many elements there are.
func (l *List[T]) Len(ctx context.Context) (int, error) { return l.count(ctx, opState, nil) }

// Get returns the i-th element.
func (l *List[T]) Get(ctx context.Context, i int) (v T, err error) {
	all, err := l.Slice(ctx, i, i+1)
	if err != nil {
		return v, err
	}
	return all[0], nil
}

// Set sets the i-th element.
func (l *List[T]) Set(ctx context.Context, i int, v T) error {
	_, err := l.change(ctx, opSet, i, i+1, v)
	return err
}

// Append adds elements at the end, all at once, and returns how many there are then.
func (l *List[T]) Append(ctx context.Context, vs ...T) (int, error) {
	return l.change(ctx, opInsert, maxBody, maxBody, vs...)
}

// Insert adds elements in front of the i-th, all at once. With i at or behind the end it
// appends.
func (l *List[T]) Insert(ctx context.Context, i int, vs ...T) error {
	_, err := l.change(ctx, opInsert, i, i, vs...)
	return err
}

// Remove removes the i-th element, and returns it.
func (l *List[T]) Remove(ctx context.Context, i int) (v T, err error) {
	all, err := l.RemoveSlice(ctx, i, i+1)
	if err != nil {
		return v, err
	}
	return all[0], nil
}

// RemoveSlice removes the elements from from up to, but not including, to, and returns them.
func (l *List[T]) RemoveSlice(ctx context.Context, from, to int) ([]T, error) {
	return l.several(ctx, opDelete, from, to)
}

// Slice returns the elements from from up to, but not including, to.
func (l *List[T]) Slice(ctx context.Context, from, to int) ([]T, error) {
	return l.several(ctx, opLoad, from, to)
}

// Copy returns all that is in the list at one moment.
func (l *List[T]) Copy(ctx context.Context) ([]T, error) {
	all, _, err := l.all(ctx)
	return all, err
}

// Update sets the list to what f makes of it: it sorts, filters, and so on. Nobody changes the
// list in between: f may be called again for that, and must do nothing else.
func (l *List[T]) Update(ctx context.Context, f func([]T) []T) error {
	for {
		all, version, err := l.all(ctx)
		if err != nil {
			return err
		}
		args := l.args()
		args.Uint(version)
		if err := l.encode(args, f(all)); err != nil {
			return err
		}
		if _, err := l.ask(ctx, opStore, args); !errors.Is(err, errConflict) {
			return err
		}
	}
}

// Clear removes everything.
func (l *List[T]) Clear(ctx context.Context) error {
	return l.Update(ctx, func([]T) []T { return nil })
}

func (l *List[T]) span(from, to int) (*wire.Encoder, error) {
	switch {
	case l.r == nil:
		return nil, errUnopened
	case from < 0 || to < from:
		return nil, ErrNotFound
	}
	args := l.args()
	args.Uint(uint64(from))
	args.Uint(uint64(to))
	return args, nil
}

func (l *List[T]) change(ctx context.Context, op byte, from, to int, vs ...T) (int, error) {
	args, err := l.span(from, to)
	if err == nil {
		err = l.encode(args, vs)
	}
	if err != nil {
		return 0, err
	}
	n, err := l.count(ctx, op, args)
	runtime.KeepAlive(vs)
	return n, err
}

func (l *List[T]) several(ctx context.Context, op byte, from, to int) ([]T, error) {
	args, err := l.span(from, to)
	if err != nil {
		return nil, err
	}
	if op == opDelete {
		args.Uint(0) // nothing takes their place
	}
	d, err := l.ask(ctx, op, args)
	if err != nil {
		return nil, err
	}
	return l.decode(d)
}

func (l *List[T]) all(ctx context.Context) ([]T, uint64, error) {
	d, err := l.ask(ctx, opAll, nil)
	if err != nil {
		return nil, 0, err
	}
	version, err := d.Uint()
	if err != nil {
		return nil, 0, err
	}
	all, err := l.decode(d)
	return all, version, err
}

func (l *List[T]) encode(e *wire.Encoder, vs []T) error {
	e.Uint(uint64(len(vs)))
	for _, v := range vs {
		if err := keepValue(e, l.r.link, v); err != nil {
			return err
		}
	}
	return nil
}

func (l *List[T]) decode(d *wire.Decoder) ([]T, error) {
	defer d.Close()
	n, err := d.Uint()
	if err != nil || n > uint64(len(d.Bytes)) {
		return nil, errors.Join(err, wire.ErrMalformed)
	}
	all := make([]T, 0, n)
	for range n {
		b, err := takeBlob(d)
		if err != nil {
			return nil, err
		}
		v, err := decodeValue[T](b)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
