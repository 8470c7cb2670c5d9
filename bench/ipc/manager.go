package main

import (
	"context"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

// A reading is what a client of a manager is to do.
type reading struct {
	Manager *ipc.Manager
	N       int
	Store   bool // before each read
}

// read reads a variable of a manager in another process, and returns how long it took.
var read = osproc.Register("read", func(ctx context.Context, r reading) (time.Duration, error) {
	v, err := ipc.OpenVariable(ctx, r.Manager, "number", 0)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	for i := range r.N {
		if r.Store {
			if err := v.Store(ctx, i); err != nil {
				return 0, err
			}
		}
		n, err := v.Load(ctx)
		if err != nil || r.Store && n != i {
			return 0, fmt.Errorf("read %d, %w", n, err)
		}
	}
	return time.Since(begin), nil
})

// managerRows are about a manager and a client in another process.
func managerRows(context.Context) ([]*row, func(), error) {
	rows := []*row{
		{
			what: "Manager: a shared value is read", unit: perSecond, target: 1.2, peer: "multiprocessing.Manager",
			ours: managerReads(few(100_000), false), theirs: python("manager_read", few(5_000), 0),
		},
		{
			what: "Manager: a shared value is set, and read", unit: perSecond, peer: "multiprocessing.Manager",
			ours: managerReads(few(10_000), true), theirs: python("manager_read", few(3_000), 1),
		},
	}
	return rows, func() {}, nil
}

func managerReads(n int, store bool) figure {
	return func(ctx context.Context) (float64, error) {
		m := ipc.NewManager()
		defer func() { _ = m.Close() }()
		p, err := read.Start(ctx, reading{m, n, store})
		if err != nil {
			return 0, err
		}
		took, err := p.Wait(ctx)
		return float64(n) / took.Seconds(), err
	}
}
