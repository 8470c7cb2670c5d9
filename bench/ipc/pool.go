package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/troupe-go/troupe/osproc"
)

var double = osproc.Register("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

const callers = 128

// poolRows are about pools.
func poolRows(ctx context.Context) (rows []*row, end func(), err error) {
	var pools []*osproc.Pool[int, int]
	end = func() {
		for _, p := range pools {
			p.Terminate()
		}
	}
	open := func(cfg osproc.PoolConfig) *osproc.Pool[int, int] {
		p, e := osproc.NewPool(ctx, double, cfg)
		if e != nil {
			err = e
			return nil
		}
		pools = append(pools, p)
		return p
	}
	two := open(osproc.PoolConfig{Workers: 2})
	twoByOne := open(osproc.PoolConfig{Workers: 2, Chunk: 1})
	one := open(osproc.PoolConfig{Workers: 1})
	if err != nil {
		end()
		return nil, nil, err
	}
	rpc, endRPC := pluginDouble("netrpc")
	grpc, endGRPC := pluginDouble("grpc")
	ours := poolDouble(one)
	mapTasks, mapOnes := few(100_000), few(10_000) // with chunks of one Python gets fewer
	oneCalls, allCalls := few(5_000), few(100_000)
	rows = []*row{
		{
			what: fmt.Sprintf("Pool: Map of %d trivial tasks, 2 workers", mapTasks), unit: perSecond, target: 4,
			peer: "multiprocessing", ours: mapRate(two, mapTasks), theirs: python("pool_map", 2, mapTasks, 0),
		},
		{
			what: "Pool: the same with chunks of 1", unit: perSecond, target: 10,
			peer: "multiprocessing", ours: mapRate(twoByOne, mapTasks), theirs: python("pool_map", 2, mapOnes, 1),
		},
		{
			what: "Pool: Do, one caller, 1 worker", unit: perSecond, target: 1.5,
			peer: "go-plugin, net/rpc", ours: callRate(ours, 1, oneCalls), theirs: callRate(rpc, 1, oneCalls),
		},
		{
			what: "Pool: Do, one caller, 1 worker", unit: perSecond, target: 1.5,
			peer: "go-plugin, gRPC", ours: callRate(ours, 1, oneCalls), theirs: callRate(grpc, 1, oneCalls),
		},
		{
			what: "Pool: Do, one caller, 1 worker", unit: perSecond,
			peer: "multiprocessing", ours: callRate(ours, 1, oneCalls), theirs: python("pool_apply", 1, oneCalls),
		},
		{
			what: fmt.Sprintf("Pool: Do, %d callers, 1 worker", callers), unit: perSecond, target: 3,
			peer: "go-plugin, net/rpc", ours: callRate(ours, callers, allCalls), theirs: callRate(rpc, callers, allCalls),
		},
		{
			what: fmt.Sprintf("Pool: Do, %d callers, 1 worker", callers), unit: perSecond, target: 6,
			peer: "go-plugin, gRPC", ours: callRate(ours, callers, allCalls), theirs: callRate(grpc, callers, allCalls),
		},
	}
	pooled := end
	return rows, func() { pooled(); endRPC(); endGRPC() }, nil
}

// A caller calls a function in another process.
type caller func(ctx context.Context, n int) (int, error)

func poolDouble(p *osproc.Pool[int, int]) func() (caller, error) {
	return func() (caller, error) { return p.Do, nil }
}

func mapRate(p *osproc.Pool[int, int], n int) figure {
	return func(ctx context.Context) (float64, error) {
		t, err := medianOf(3, func() error {
			i := 0
			for r, err := range p.Map(ctx, below(n)) {
				if err != nil || r != 2*i {
					return fmt.Errorf("task %d: %d, %w", i, r, err)
				}
				i++
			}
			if i != n {
				return fmt.Errorf("%d results of %d", i, n)
			}
			return nil
		})
		return float64(n) / t, err
	}
}

func below(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// callRate is how many calls a number of callers make in a second, together.
func callRate(open func() (caller, error), callers, calls int) figure {
	return func(ctx context.Context) (float64, error) {
		call, err := open()
		if err != nil {
			return 0, err
		}
		warm := func(n int) error { return callAll(ctx, call, callers, n) }
		if err := warm(calls / 10); err != nil {
			return 0, err
		}
		return rate(calls/callers*callers, func() error { return warm(calls) })
	}
}

func callAll(ctx context.Context, call caller, callers, calls int) error {
	var wg sync.WaitGroup
	failures := make(chan error, callers)
	for range callers {
		wg.Go(func() {
			for i := range calls / callers {
				if n, err := call(ctx, i); err != nil || n != 2*i {
					failures <- fmt.Errorf("call %d: %d, %w", i, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failures)
	return <-failures
}
