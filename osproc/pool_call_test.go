//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/flow"
	"github.com/troupe-go/troupe/osproc"
)

func TestG63_DoEndsWithItsContext(t *testing.T) {
	nothingLeft(t)
	why := errors.New("because")
	p := openPool(t, osproc.PoolConfig{Workers: 1})
	post := newSignpost(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	async := p.DoAsync(ctx, job{Mode: "wait", File: post.w})
	post.next()
	queued, giveUp := context.WithCancelCause(t.Context())
	waiting := p.DoAsync(queued, job{Mode: "kill"}) // is never begun
	if _, err := async.Wait(canceled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	giveUp(why)
	if _, err := waiting.Wait(t.Context()); !errors.Is(err, why) {
		t.Error(err)
	}
	cancel(why)
	if _, err := async.Wait(t.Context()); !errors.Is(err, why) {
		t.Error(err)
	}
	if _, err := p.Do(ctx, job{}); !errors.Is(err, why) {
		t.Error(err)
	}
	// The worker is free, since the context of its function has ended.
	if n, err := p.Do(t.Context(), job{N: 3}); n != 6 || err != nil {
		t.Error(n, err)
	}
	if s := p.Stats(); s.Deaths != 0 || s.Started != 1 {
		t.Errorf("%+v", s)
	}
}

var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(background)
	cancel()
	return ctx
}()

func TestPoolConfigIsChecked(t *testing.T) {
	for _, cfg := range []osproc.PoolConfig{{Workers: -1}, {Concurrency: -1}, {TaskTimeout: -1}, {MaxMemory: -1}} {
		if _, err := osproc.NewPool(t.Context(), doing, cfg); err == nil {
			t.Errorf("%+v", cfg)
		}
	}
	if _, err := osproc.NewPool(canceled, doing, osproc.PoolConfig{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Several tasks at once in one worker.
func TestConcurrency(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 1, Concurrency: 4})
	post := newSignpost(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 3 {
		p.DoAsync(ctx, job{Mode: "wait", File: post.w})
		post.next()
	}
	i := 0
	for r, err := range p.Map(t.Context(), jobs(1000, nil)) {
		if err != nil || r != 2*i {
			t.Fatal(i, r, err)
		}
		i++
	}
	if i != 1000 {
		t.Error(i)
	}
}

// A pool's method plugs into a flow as it is. When the flow ends early, the calls that are going on
// are given up, and the pool can still be closed.
func TestPoolFitsFlow(t *testing.T) {
	nothingLeft(t)
	for range storm(15, 200) {
		p := openPool(t, osproc.PoolConfig{Workers: 2})
		items := flow.Map(flow.FromSeq(jobs(800, map[int]string{700: "error"})), p.Do, flow.Parallel(16), flow.Ordered())
		i := 0
		for r, err := range items.All(t.Context()) {
			if i == 700 {
				if !errors.Is(err, errKnown) {
					t.Error(err)
				}
			} else if err != nil || r != 2*i {
				t.Fatal(i, r, err)
			}
			i++
		}
		if i != 701 {
			t.Error(i)
		}
		shut(t, p)
	}
}

// shut closes a pool that has nothing more to do, and fails the test if that takes long.
func shut(t *testing.T, p *osproc.Pool[job, int]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Fatalf("%v, %+v", err, p.Stats())
	}
}

// Tasks are given up at any moment: queued, on their way, running, answered.
func TestG63_TasksGivenUpAtAnyTime(t *testing.T) {
	nothingLeft(t)
	for _, cfg := range []osproc.PoolConfig{{}, {Concurrency: 3}, {MaxTasks: 20}} {
		p := openPool(t, cfg)
		for range storm(20, 500) {
			ctx, cancel := context.WithCancel(t.Context())
			var all []*osproc.Future[int]
			for i := range 50 {
				all = append(all, p.DoAsync(ctx, job{N: i, Took: rand.N(20 * time.Microsecond)}))
			}
			pause := time.NewTimer(rand.N(time.Millisecond))
			<-pause.C
			cancel()
			for i, f := range all {
				if r, err := f.Wait(t.Context()); err != nil && !errors.Is(err, context.Canceled) || err == nil && r != 2*i {
					t.Fatal(i, r, err)
				}
			}
			if n, err := p.Do(t.Context(), job{N: 1}); n != 2 || err != nil {
				t.Fatal(n, err)
			}
		}
		shut(t, p)
	}
}

// Calls are given up at once, however many, though a worker that was stopped hears nothing of it.
func TestG63_GivenUpWhileTheWorkerIsStopped(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 1})
	must[int](t)(p.Do(t.Context(), job{}))
	syscall.Kill(p.Stats().Workers[0].PID, syscall.SIGSTOP)
	ctx, cancel := context.WithCancel(t.Context())
	var all []*osproc.Future[int]
	for i := range storm(1000, 30_000) {
		all = append(all, p.DoAsync(ctx, job{N: i}))
	}
	cancel()
	for i, f := range all { // it may have done something before it was stopped
		if n, err := f.Wait(t.Context()); !errors.Is(err, context.Canceled) && (err != nil || n != 2*i) {
			t.Fatal(n, err)
		}
	}
	syscall.Kill(p.Stats().Workers[0].PID, syscall.SIGCONT)
	if n, err := p.Do(t.Context(), job{N: 4}); n != 8 || err != nil {
		t.Error(n, err)
	}
	shut(t, p)
}
