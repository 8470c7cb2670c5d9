package main

import (
	"context"

	"github.com/troupe-go/troupe/osproc"
)

var say = osproc.Register("say", func(context.Context, int) (int, error) { return 1, nil })

// processRows are about single processes.
func processRows(context.Context) ([]*row, func(), error) {
	starts := few(20)
	rows := []*row{
		{
			what: "Process: start until it runs", peer: "multiprocessing, spawn", target: 8,
			ours: startReady(starts, 0), theirs: python("spawn_ready", starts),
		},
		{
			what: "Process: the same from a parent with 1 GiB of heap", peer: "multiprocessing, spawn", target: 8,
			ours: startReady(starts, few(1024)<<20), theirs: python("spawn_ready", starts, few(1024)),
		},
		{
			what: "Process: start, result, end", peer: "multiprocessing, spawn", target: 8,
			ours: startWait(starts), theirs: python("spawn_join", starts),
		},
	}
	return rows, func() {}, nil
}

func startReady(starts, heap int) figure {
	return func(ctx context.Context) (float64, error) {
		ballast := make([]byte, heap)
		for i := 0; i < heap; i += 4096 {
			ballast[i] = 1
		}
		var left []osproc.Waiter
		t, err := medianOf(starts, func() error {
			p, err := say.Start(ctx, 1)
			if err == nil {
				left = append(left, p)
			}
			return err
		})
		if err == nil {
			err = osproc.WaitAll(ctx, left...)
		}
		if heap > 0 && ballast[0] == 0 {
			panic("the ballast is gone")
		}
		return t, err
	}
}

func startWait(starts int) figure {
	return func(ctx context.Context) (float64, error) {
		return medianOf(starts, func() error {
			p, err := say.Start(ctx, 1)
			if err == nil {
				_, err = p.Wait(ctx)
			}
			return err
		})
	}
}
