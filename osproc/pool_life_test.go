//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

// leaveMark leaves a file that says which process was here.
var leaveMark = osproc.Register("leaveMark", func(_ context.Context, path string) (int, error) {
	return 0, os.WriteFile(fmt.Sprint(path, os.Getpid()), nil, 0o600)
})

func marks(t *testing.T, path string) (pids []string) {
	t.Helper()
	for _, file := range must[[]string](t)(filepath.Glob(path + "*")) {
		pids = append(pids, file[len(path):])
	}
	return pids
}

func TestSetUpAndTearDown(t *testing.T) {
	nothingLeft(t)
	up, down := t.TempDir()+"/up", t.TempDir()+"/down"
	p := openPool(t, osproc.PoolConfig{Workers: 3, MaxTasks: 4, SetUp: leaveMark.Bind(up), TearDown: leaveMark.Bind(down)})
	for i := range 30 {
		must[int](t)(p.Do(t.Context(), job{N: i}))
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	began, ended := marks(t, up), marks(t, down)
	if len(began) < 8 || !slices.Equal(began, ended) {
		t.Error(began, ended)
	}
}

func TestMaxTasks(t *testing.T) {
	nothingLeft(t)
	for _, cfg := range []osproc.PoolConfig{{}, {Chunk: 3}, {Chunk: 100}, {Concurrency: 2}} {
		cfg.Workers, cfg.MaxTasks = 2, 5
		p := openPool(t, cfg)
		by := make(map[int]int)
		for range 13 {
			by[must[int](t)(p.Do(t.Context(), job{Mode: "pid"}))]++
		}
		pids := func(yield func(job) bool) {
			for range 100 {
				if !yield(job{Mode: "pid"}) {
					return
				}
			}
		}
		for pid, err := range p.Map(t.Context(), pids) {
			if by[pid]++; err != nil {
				t.Fatal(err)
			}
		}
		for pid, n := range by {
			if n > cfg.MaxTasks {
				t.Errorf("%+v: worker %d has done %d tasks", cfg, pid, n)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.Done != 113 || s.Deaths != 0 || s.Started < 113/5 {
			t.Errorf("%+v: %+v", cfg, s)
		}
	}
}

var hoard [][]byte

// growingTask keeps so many megabytes, and returns who did.
var growingTask = osproc.Register("growingTask", func(_ context.Context, megabytes int) (int, error) {
	kept := make([]byte, megabytes<<20)
	for i := 0; i < len(kept); i += 4096 {
		kept[i] = 1
	}
	hoard = append(hoard, kept)
	return os.Getpid(), nil
})

func TestMaxMemoryReplacesAWorkerAfterItsTask(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Pool[int, int]](t)(osproc.NewPool(background, growingTask, osproc.PoolConfig{Workers: 1, MaxMemory: 256 << 20}))
	defer p.Terminate()
	one := must[int](t)(p.Do(t.Context(), 0))
	if same := must[int](t)(p.Do(t.Context(), 1)); same != one {
		t.Error("it was replaced too early")
	}
	if same := must[int](t)(p.Do(t.Context(), 300)); same != one {
		t.Error("it was replaced before its task")
	}
	if other := must[int](t)(p.Do(t.Context(), 1)); other == one {
		t.Error("it was not replaced")
	}
	if s := p.Stats(); s.Deaths != 0 || s.Done != 4 {
		t.Errorf("%+v", s)
	}
}

func TestCloseLetsEverythingBeDone(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2})
	var all []*osproc.Future[int]
	for i := range 100 {
		all = append(all, p.DoAsync(t.Context(), job{N: i, Took: 200 * time.Microsecond}))
	}
	closed := make(chan error, 1)
	i := 0
	for r, err := range p.Map(t.Context(), jobs(3000, nil)) {
		if i == 0 {
			go func() { closed <- p.Close() }()
			eventually(t, "the pool refuses", func() bool {
				_, err := p.Do(t.Context(), job{})
				return errors.Is(err, osproc.ErrPoolClosed)
			})
		}
		if err != nil || r != 2*i {
			t.Fatal(i, r, err)
		}
		i++
	}
	if err := <-closed; err != nil || i != 3000 {
		t.Error(err, i)
	}
	for i, f := range all {
		select {
		case <-f.Done():
		default:
			t.Fatal("Close has not waited")
		}
		if r, err := f.Wait(t.Context()); r != 2*i || err != nil {
			t.Error(i, r, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error("closed again:", err)
	}
	for _, err := range p.Map(t.Context(), jobs(1, nil)) {
		if !errors.Is(err, osproc.ErrPoolClosed) {
			t.Error(err)
		}
	}
	if err := p.Resize(2); !errors.Is(err, osproc.ErrPoolClosed) {
		t.Error(err)
	}
}

// spinning tasks occupy all workers of a pool; those that come after them wait.
func occupy(t *testing.T, p *osproc.Pool[job, int], workers int) (all []*osproc.Future[int], pids []int) {
	t.Helper()
	post := newSignpost(t)
	for range workers {
		all = append(all, p.DoAsync(background, job{Mode: "spin", File: post.w}))
		pids = append(pids, post.next())
	}
	for range 10 {
		all = append(all, p.DoAsync(background, job{}))
	}
	return all, pids
}

func TestTerminateKills(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2})
	all, pids := occupy(t, p, 2)
	p.Terminate()
	for _, pid := range pids {
		if !gone(pid) {
			t.Error("a worker lives on")
		}
	}
	for _, f := range all {
		if _, err := f.Wait(t.Context()); !errors.Is(err, osproc.ErrPoolClosed) {
			t.Error(err)
		}
	}
}

func TestG63_ShutdownEndsWithItsContext(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2})
	all, pids := occupy(t, p, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Error("a worker lives on")
		}
	}
	for _, f := range all {
		if _, err := f.Wait(t.Context()); !errors.Is(err, osproc.ErrPoolClosed) {
			t.Error(err)
		}
	}
}

func TestG63_TheContextOfAPoolEndsIt(t *testing.T) {
	nothingLeft(t)
	why := errors.New("because")
	for _, grace := range []time.Duration{-1, 10 * time.Millisecond} {
		ctx, cancel := context.WithCancelCause(background)
		p := must[*osproc.Pool[job, int]](t)(osproc.NewPool(ctx, doing, osproc.PoolConfig{Workers: 2, Process: osproc.Config{Grace: grace}}))
		all, _ := occupy(t, p, 2)
		cancel(why)
		for _, f := range all {
			if _, err := f.Wait(t.Context()); !errors.Is(err, why) {
				t.Error(err)
			}
		}
		if err := p.Close(); !errors.Is(err, why) {
			t.Error(err)
		}
		if _, err := p.Do(t.Context(), job{}); !errors.Is(err, why) {
			t.Error(err)
		}
	}
}

func TestResize(t *testing.T) {
	nothingLeft(t)
	down := t.TempDir() + "/"
	p := openPool(t, osproc.PoolConfig{Workers: 1, TearDown: leaveMark.Bind(down)})
	i := 0
	for r, err := range p.Map(t.Context(), jobs(20_000, nil)) {
		if err != nil || r != 2*i {
			t.Fatal(i, r, err)
		}
		if i++; i%4000 == 0 {
			if err := p.Resize([]int{4, 1, 3, 2, 1}[i/4000-1]); err != nil {
				t.Error(err)
			}
		}
	}
	for _, n := range []int{4, 2, 5, 1} {
		if err := p.Resize(n); err != nil {
			t.Error(err)
		}
		eventually(t, fmt.Sprint(n, " workers"), func() bool { return len(p.Stats().Workers) == n })
	}
	if err := p.Resize(0); err == nil {
		t.Error("a pool without workers")
	}
	if err := p.Close(); err != nil || i != 20_000 {
		t.Error(err, i)
	}
	if s := p.Stats(); s.Deaths != 0 || s.Failed != 0 || len(marks(t, down)) != s.Started {
		t.Errorf("%+v, %d have ended in good order", s, len(marks(t, down)))
	}
}

func TestStats(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 1, Retries: 1})
	for _, mode := range []string{"", "error", "kill"} {
		p.Do(t.Context(), job{Mode: mode})
	}
	must[int](t)(p.Do(t.Context(), job{}))
	s := p.Stats()
	if s.Done != 2 || s.Failed != 2 || s.Retried != 1 || s.Poisoned != 1 || s.Deaths != 2 || s.Started != 3 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
	if w := s.Workers; len(w) != 1 || w[0].Tasks != 1 || w[0].Held != 0 || time.Since(w[0].Since) > time.Hour || w[0].PID <= 0 {
		t.Errorf("%+v", w)
	}
	all, pids := occupy(t, p, 1)
	if s := p.Stats(); s.Queued+s.Workers[0].Held != len(all) || s.Workers[0].PID != pids[0] {
		t.Errorf("%+v", s)
	}
}

// pooling has a pool whose workers compute, and waits.
var pooling = osproc.Register("pooling", func(ctx context.Context, began *os.File) (int, error) {
	p, err := osproc.NewPool(ctx, doing, osproc.PoolConfig{Workers: 3})
	if err != nil {
		return 0, err
	}
	for range 3 {
		p.DoAsync(ctx, job{Mode: "spin", File: began})
	}
	select {}
})

func TestG60_PoolsDieWithTheirParent(t *testing.T) {
	nothingLeft(t)
	for range 5 {
		post := newSignpost(t)
		parent := must[*osproc.Process[int]](t)(pooling.Start(t.Context(), post.w))
		pids := []int{post.next(), post.next(), post.next()}
		syscall.Kill(parent.PID(), syscall.SIGKILL)
		<-parent.Done()
		for _, pid := range pids {
			eventually(t, "the worker is gone", func() bool { return gone(pid) })
		}
	}
}
