package main

import (
	"context"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

// A putting is what a producer is to do.
type putting struct {
	Queue   *ipc.Queue[[]byte]
	Size, N int
}

var produce = osproc.Register("produce", func(ctx context.Context, p putting) (int, error) {
	body := make([]byte, p.Size)
	for i := range p.N {
		body[0] = byte(i)
		if err := p.Queue.Put(ctx, body); err != nil {
			return i, err
		}
	}
	return p.N, nil
})

// An echoing is what goes in and what comes out.
type echoing struct{ In, Out *ipc.Queue[[]byte] }

var echo = osproc.Register("echo", func(ctx context.Context, e echoing) (int, error) {
	n := 0
	for v, err := range e.In.All(ctx) {
		if err != nil {
			return n, err
		}
		if err := e.Out.Put(ctx, v); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
})

// queueRows are about queues between two processes.
func queueRows(context.Context) ([]*row, func(), error) {
	var rows []*row
	// What comes from Get is new memory each time, and the collector of a program that has no other
	// runs all the time; so large messages are also taken into a buffer that is used again.
	for _, c := range []struct {
		size, ours, theirs int
		name               string
		into               bool
		target             float64
	}{
		{64, 500_000, 50_000, "64 bytes, one way", false, 15},
		{64 << 10, 10_000, 3_000, "64 KiB, one way, each in new memory", false, 4},
		{64 << 10, 10_000, 3_000, "64 KiB, one way, into a buffer", true, 4},
		{1 << 20, 600, 200, "1 MiB, one way, each in new memory", false, 4},
		{1 << 20, 600, 200, "1 MiB, one way, into a buffer", true, 4},
	} {
		rows = append(rows, &row{
			what: "Queue: messages of " + c.name, unit: perSecond, target: c.target,
			peer: "multiprocessing.Queue", ours: queueRate(c.size, few(c.ours), c.into), theirs: python("queue_rate", c.size, few(c.theirs)),
		})
	}
	return append(rows, &row{
		what: "Queue: there and back, 64 bytes", target: 5,
		peer: "multiprocessing.Queue", ours: queueRoundTrip(few(10_000)), theirs: python("queue_round_trip", 64, few(3_000)),
	}), func() {}, nil
}

// queueRate is how many messages come in a second, from the first on.
func queueRate(size, n int, into bool) figure {
	return func(ctx context.Context) (float64, error) {
		q, err := ipc.NewQueue[[]byte](0)
		if err != nil {
			return 0, err
		}
		defer func() { _ = q.Detach() }()
		p, err := produce.Start(ctx, putting{q, size, n + 1})
		if err != nil {
			return 0, err
		}
		var begin time.Time
		var v []byte
		for i := range n + 1 {
			if into {
				v, err = ipc.GetInto(ctx, q, v)
			} else {
				v, err = q.Get(ctx)
			}
			if err != nil || len(v) != size || v[0] != byte(i) {
				return 0, fmt.Errorf("message %d: %d bytes, %w", i, len(v), err)
			}
			if i == 0 {
				begin = time.Now()
			}
		}
		took := time.Since(begin)
		_, err = p.Wait(ctx)
		return float64(n) / took.Seconds(), err
	}
}

func queueRoundTrip(n int) figure {
	return func(ctx context.Context) (float64, error) {
		in, err := ipc.NewQueue[[]byte](0)
		if err != nil {
			return 0, err
		}
		defer func() { _ = in.Detach() }()
		out, err := ipc.NewQueue[[]byte](0)
		if err != nil {
			return 0, err
		}
		defer func() { _ = out.Detach() }()
		p, err := echo.Start(ctx, echoing{in, out})
		if err != nil {
			return 0, err
		}
		body := make([]byte, 64)
		trips := func(n int) error {
			for range n {
				if err := in.Put(ctx, body); err != nil {
					return err
				}
				if v, err := out.Get(ctx); err != nil || len(v) != len(body) {
					return fmt.Errorf("%d bytes, %w", len(v), err)
				}
			}
			return nil
		}
		if err := trips(n / 10); err != nil {
			return 0, err
		}
		t, err := timed(func() error { return trips(n) })
		if err != nil {
			return 0, err
		}
		if err := in.Close(); err != nil {
			return 0, err
		}
		_, err = p.Wait(ctx)
		return t / float64(n), err
	}
}
