package flow

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/csp"
)

// Chunking says when a chunk is complete: at whichever of its limits is reached first. A limit
// of zero does not count; at least one must be set.
type Chunking struct {
	Size int           // so many values
	Wait time.Duration // so long after its first value
	Idle time.Duration // so long after its last value
}

// Chunk is the values gathered into slices of at least one each; the last may be incomplete.
// With a limit of time, s runs on a goroutine of its own. It panics if no limit is set or one
// is negative.
func Chunk[T any](s Stream[T], limits Chunking) Stream[[]T] {
	if limits.Size < 0 || limits.Wait < 0 || limits.Idle < 0 || limits == (Chunking{}) {
		panic("flow: Chunk: set at least one of Size, Wait and Idle, none negative")
	}
	if limits.Wait == 0 && limits.Idle == 0 {
		return chunkBySize(s, limits.Size)
	}
	return Stream[[]T]{func(r *run, yield func([]T) bool) error {
		return apart(r, s, csp.Unbuffered(), func(ctx context.Context, c *csp.Chan[T]) error {
			return chunkByTime(ctx, c, limits, yield)
		})
	}}
}

func chunkBySize[T any](s Stream[T], size int) Stream[[]T] {
	return Stream[[]T]{func(r *run, yield func([]T) bool) error {
		var chunk []T
		more := true
		err := s.each(r, func(v T) bool {
			chunk = append(chunk, v)
			if len(chunk) == size {
				more = yield(chunk)
				chunk = make([]T, 0, size)
			}
			return more
		})
		if more && len(chunk) > 0 && r.ctx.Err() == nil { // before the error, as G54 has it
			yield(chunk)
		}
		return err
	}}
}

func chunkByTime[T any](ctx context.Context, c *csp.Chan[T], limits Chunking, yield func([]T) bool) error {
	var chunk []T
	wait, idle := newAlarm(limits.Wait), newAlarm(limits.Idle)
	defer wait.stop()
	defer idle.stop()
	flush := func() bool {
		full := chunk
		chunk = nil
		wait.stop()
		idle.stop()
		return yield(full)
	}
	for {
		full := false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case v, ok := <-c.C():
			if !ok {
				if len(chunk) > 0 && ctx.Err() == nil && !flush() {
					return nil
				}
				return endOf(ctx, c)
			}
			if len(chunk) == 0 {
				wait.set()
			}
			idle.set()
			chunk = append(chunk, v)
			full = len(chunk) == limits.Size
		case <-wait.C():
			full = true
		case <-idle.C():
			full = true
		}
		if full && !flush() {
			return nil
		}
	}
}

// alarm is a timer that may be off for good.
type alarm struct {
	after time.Duration
	timer *time.Timer
}

func newAlarm(after time.Duration) *alarm { return &alarm{after: after} }

func (a *alarm) C() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

func (a *alarm) set() {
	switch {
	case a.after == 0:
	case a.timer == nil:
		a.timer = time.NewTimer(a.after)
	default:
		a.timer.Reset(a.after)
	}
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// ChunkBy is the values gathered into slices of neighbours with the same key.
func ChunkBy[T any, K comparable](s Stream[T], key func(T) K) Stream[[]T] {
	return Stream[[]T]{func(r *run, yield func([]T) bool) error {
		var chunk []T
		var last K
		more := true
		err := failable(s, func(r *run, v T, yield func([]T) bool) (bool, error) {
			k, err := test(r.ctx, key, v)
			if err != nil {
				return false, err
			}
			if len(chunk) > 0 && k != last {
				full := chunk
				chunk = nil
				more = yield(full)
			}
			last = k
			chunk = append(chunk, v)
			return more, nil
		}).each(r, yield)
		if more && len(chunk) > 0 && r.ctx.Err() == nil {
			yield(chunk)
		}
		return err
	}}
}
