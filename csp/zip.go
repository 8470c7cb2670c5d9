package csp

import (
	"context"
	"slices"
)

// Maybe is a value or the mark that there is none.
type Maybe[T any] struct {
	Value T
	OK    bool
}

// Zip returns a channel of rows: the first values of all ins, then the second values, and so
// on. It goes on until the longest of ins has ended; in rows after the end of a shorter one,
// its place is not OK. It ends at once, with the error, when one of ins ends with an error.
func Zip[T any](ctx context.Context, ins ...*Chan[T]) *Chan[[]Maybe[T]] {
	out := New[[]Maybe[T]](Unbuffered())
	go finish(func() error {
		for {
			row, any, err := zipRow(ctx, ins)
			if err != nil || !any {
				return err
			}
			if err := deliver(ctx, out, row); err != nil {
				return err
			}
		}
	}, out)
	return out
}

func zipRow[T any](ctx context.Context, ins []*Chan[T]) (row []Maybe[T], any bool, err error) {
	row = make([]Maybe[T], len(ins))
	for i, in := range ins {
		v, ok := in.Get(ctx)
		if !ok {
			if err := ending(ctx, in); err != nil {
				return nil, false, err
			}
			continue
		}
		row[i], any = Maybe[T]{v, true}, true
	}
	return row, any, nil
}

// CombineLatest returns a channel of rows that hold the latest value of each of ins: one row
// for every value that comes from any. The place of one that has not yielded yet is not OK;
// that of one that has ended keeps its last value. It ends when all of ins have ended, and at
// once, with the error, when one of them ends with an error.
func CombineLatest[T any](ctx context.Context, ins ...*Chan[T]) *Chan[[]Maybe[T]] {
	out := New[[]Maybe[T]](Unbuffered())
	go finish(func() error { return combineLatest(ctx, ins, out) }, out)
	return out
}

func combineLatest[T any](ctx context.Context, ins []*Chan[T], out *Chan[[]Maybe[T]]) error {
	latest := make([]Maybe[T], len(ins))
	var v T
	cases := make([]Case, len(ins))
	for i, in := range ins {
		cases[i] = Recv(in, &v)
	}
	for live := len(ins); live > 0; {
		i, ok, err := Select(ctx, cases...)
		if err != nil {
			return err
		}
		if !ok {
			if err := ins[i].Err(); err != nil {
				return err
			}
			cases[i] = Case{} // never ready again
			live--
			continue
		}
		latest[i] = Maybe[T]{v, true}
		if err := deliver(ctx, out, slices.Clone(latest)); err != nil {
			return err
		}
	}
	return nil
}
