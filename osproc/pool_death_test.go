//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

func TestG62_IdleWorkersAreReplaced(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2})
	for range 20 {
		must[int](t)(p.Do(t.Context(), job{}))
		eventually(t, "two workers", func() bool { return len(p.Stats().Workers) == 2 })
		for _, w := range p.Stats().Workers {
			syscall.Kill(w.PID, syscall.SIGKILL)
		}
		if n, err := p.Do(t.Context(), job{N: 5}); err != nil || n != 10 {
			t.Fatal(n, err)
		}
	}
}

func TestG62_StoppedWorkerIsNoProblemForOthers(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2, TaskTimeout: 200 * time.Millisecond, Retries: 3})
	eventually(t, "two workers", func() bool { return len(p.Stats().Workers) == 2 })
	syscall.Kill(p.Stats().Workers[0].PID, syscall.SIGSTOP)
	for i := range 20 {
		if n, err := p.Do(t.Context(), job{N: i}); err != nil || n != 2*i {
			t.Fatal(n, err)
		}
	}
}

// Workers that die while they start, some or all of them.
func TestG62_WorkersThatDieWhileStarting(t *testing.T) {
	nothingLeft(t)
	for _, mode := range []string{"kill", "error", "exit", "panic", "goexit"} {
		dir := t.TempDir()
		cfg := osproc.PoolConfig{Workers: 3, SetUp: dyingSetUp.Bind(setUp{dir, 5, mode}), Process: osproc.Config{Stderr: osproc.Discard()}}
		var p *osproc.Pool[job, int]
		eventually(t, "a start without a failure", func() (ok bool) {
			var err error
			p, err = osproc.NewPool(background, doing, cfg)
			return err == nil
		})
		for i := range 100 {
			if n, err := p.Do(t.Context(), job{N: i}); err != nil || n != 2*i {
				t.Fatal(mode, n, err)
			}
		}
		eventually(t, "three workers", func() bool { return len(p.Stats().Workers) == 3 })
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

type setUp struct {
	Dir   string
	Times int // it fails so often
	Mode  string
}

var dyingSetUp = osproc.Register("dyingSetUp", func(ctx context.Context, s setUp) (int, error) {
	for i := range s.Times {
		f, err := os.OpenFile(fmt.Sprint(s.Dir, "/", i), os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			f.Close()
			switch s.Mode {
			case "kill":
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			case "exit":
				os.Exit(1)
			case "panic":
				panic("in the set-up")
			case "goexit":
				runtime.Goexit()
			}
			return 0, errKnown
		}
	}
	return 0, nil
})

func TestG62_WorkersThatAlwaysDieBreakThePool(t *testing.T) {
	nothingLeft(t)
	quiet := osproc.Config{Stderr: osproc.Discard()}
	// From the beginning: the error of the first start is that of NewPool.
	_, err := osproc.NewPool(background, doing, osproc.PoolConfig{SetUp: dyingSetUp.Bind(setUp{t.TempDir(), 1000, "error"}), Process: quiet})
	if !errors.Is(err, errKnown) {
		t.Error(err)
	}
	var exit *osproc.ExitError
	_, err = osproc.NewPool(background, doing, osproc.PoolConfig{SetUp: dyingSetUp.Bind(setUp{t.TempDir(), 1000, "exit"}), Process: quiet})
	if !errors.As(err, &exit) || exit.Status.Code != 1 {
		t.Error(err)
	}
	// Later: who waits gets an error, and so does everybody after.
	dir := t.TempDir()
	cfg := osproc.PoolConfig{Workers: 1, MaxFailures: 4, SetUp: laterSetUp.Bind(dir), Process: quiet}
	p := must[*osproc.Pool[job, int]](t)(osproc.NewPool(background, doing, cfg))
	os.WriteFile(dir+"/fail", nil, 0o600)
	if _, err := p.Do(t.Context(), job{Mode: "kill"}); err == nil {
		t.Error("no error")
	}
	_, err = p.Do(t.Context(), job{})
	if !errors.Is(err, osproc.ErrPoolBroken) || !errors.Is(err, errKnown) {
		t.Error(err)
	}
	for _, err := range p.Map(t.Context(), jobs(3, nil)) {
		if !errors.Is(err, osproc.ErrPoolBroken) {
			t.Error(err)
		}
	}
	if err := p.Close(); !errors.Is(err, osproc.ErrPoolBroken) {
		t.Error(err)
	}
}

var laterSetUp = osproc.Register("laterSetUp", func(_ context.Context, dir string) (int, error) {
	if _, err := os.Stat(dir + "/fail"); err == nil {
		return 0, errKnown
	}
	return 0, nil
})

func TestTaskTimeoutIsExact(t *testing.T) {
	nothingLeft(t)
	null := must[*os.File](t)(os.OpenFile(os.DevNull, os.O_WRONLY, 0))
	defer null.Close()
	for _, cfg := range []osproc.PoolConfig{{Chunk: 20}, {}, {Chunk: 5, Retries: 1}} {
		cfg.TaskTimeout = 200 * time.Millisecond
		p := openPool(t, cfg)
		items := func(yield func(job) bool) {
			for i := range 100 {
				j := job{N: i}
				if i == 13 || i == 64 {
					j.Mode, j.File = "spin", null
				}
				if !yield(j) {
					return
				}
			}
		}
		i := 0
		for r, err := range p.Map(t.Context(), items) {
			var poison *osproc.PoisonError
			if i == 13 || i == 64 {
				if !errors.Is(err, osproc.ErrTaskTimeout) || !errors.As(err, &poison) || poison.Deaths != cfg.Retries+1 {
					t.Error(i, err)
				}
			} else if err != nil || r != 2*i {
				t.Error(i, r, err)
			}
			i++
		}
		// On a busy machine a worker may be stopped for so long that it is killed for nothing; its
		// tasks go to another one.
		if s := p.Stats(); i != 100 || s.TimedOut < 2*(cfg.Retries+1) || s.Poisoned != 2 {
			t.Errorf("%d results, %+v", i, s)
		}
		p.Terminate()
	}
}

// A worker that is told to end by somebody else gives its tasks back.
func TestG62_TerminatedWorkerLosesNothing(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2})
	i := 0
	for r, err := range p.Map(t.Context(), jobs(5000, nil)) {
		if err != nil || r != 2*i {
			t.Fatal(i, r, err)
		}
		if i++; i%500 == 0 {
			for _, w := range p.Stats().Workers {
				syscall.Kill(w.PID, syscall.SIGTERM)
			}
		}
	}
	if i != 5000 {
		t.Error(i)
	}
}

// SIGINT reaches workers from the terminal; it is for the parent.
func TestInterruptDoesNotReachTasks(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 2})
	post := newSignpost(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := p.DoAsync(ctx, job{Mode: "wait", File: post.w})
	pid := post.next()
	syscall.Kill(pid, syscall.SIGINT)
	for range 100 { // while the other worker does something
		must[int](t)(p.Do(t.Context(), job{Took: 100 * time.Microsecond}))
	}
	select {
	case <-f.Done():
		t.Error("the task has ended")
	default:
	}
	cancel()
	if _, err := f.Wait(t.Context()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
