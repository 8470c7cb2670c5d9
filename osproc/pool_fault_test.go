//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

// job is a task that does what its mode says.
type job struct {
	N    int
	Mode string
	Took time.Duration
	File *os.File
	Any  any
}

var doing = osproc.Register("doing", func(ctx context.Context, j job) (int, error) {
	if j.Took > 0 {
		for begin := time.Now(); time.Since(begin) < j.Took; {
			_ = begin
		}
	}
	switch j.Mode {
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "exit":
		os.Exit(7)
	case "panic":
		panic("on purpose")
	case "goexit":
		runtime.Goexit()
	case "error":
		return 0, errKnown
	case "crash":
		go func() { panic("elsewhere") }()
		select {}
	case "spin":
		untilKilled(ctx, j.File)
	case "wait":
		fmt.Fprintln(j.File, os.Getpid())
		<-ctx.Done()
		return 0, context.Cause(ctx)
	case "context":
		<-ctx.Done()
		return 0, context.Cause(ctx)
	case "pid":
		return os.Getpid(), nil
	}
	return 2 * j.N, nil
})

func openPool(t testing.TB, cfg osproc.PoolConfig) *osproc.Pool[job, int] {
	t.Helper()
	if cfg.Workers == 0 {
		cfg.Workers = 2
	}
	cfg.Process.Stderr = osproc.Discard()
	p := must[*osproc.Pool[job, int]](t)(osproc.NewPool(background, doing, cfg))
	t.Cleanup(p.Terminate)
	return p
}

// jobs are n jobs, of which some have a mode of their own.
func jobs(n int, modes map[int]string) func(func(job) bool) {
	return func(yield func(job) bool) {
		for i := range n {
			if !yield(job{N: i, Mode: modes[i]}) {
				return
			}
		}
	}
}

// killAtRandom kills workers until it is stopped, and returns how often it did. On a busy machine
// workers may need longer to do anything than they are left alive; so it mostly waits for some
// progress after each kill.
func killAtRandom(t testing.TB, p *osproc.Pool[job, int], every time.Duration) (stop func() int) {
	quit, done := make(chan struct{}), make(chan int)
	go func() {
		kills, progress := 0, 0
		for {
			pause := time.NewTimer(rand.N(2 * every))
			select {
			case <-quit:
				done <- kills
				return
			case <-pause.C:
			}
			s := p.Stats()
			if s.Done < progress+20 && rand.IntN(20) > 0 || len(s.Workers) == 0 {
				continue
			}
			progress = s.Done
			if syscall.Kill(s.Workers[rand.IntN(len(s.Workers))].PID, syscall.SIGKILL) == nil {
				kills++
			}
		}
	}()
	return func() int { close(quit); return <-done }
}

func TestG62_RandomKillsLoseNothing(t *testing.T) {
	nothingLeft(t)
	maps, kills := storm(40, 1000), 0
	for _, cfg := range []osproc.PoolConfig{
		{Workers: 3, Retries: 1000},
		{Workers: 2, Retries: 1000, Chunk: 1},
		{Workers: 2, Retries: 1000, Chunk: 50},
		{Workers: 2, Retries: 1000, Concurrency: 4},
	} {
		cfg.MaxFailures = 100 // on a busy machine, many are killed before they do anything
		p := openPool(t, cfg)
		stop := killAtRandom(t, p, 5*time.Millisecond)
		for k := range maps / 4 {
			mapWhole(t, p, rand.IntN(2000), rand.N(20*time.Microsecond), k%2 == 0)
		}
		kills += stop()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if t.Logf("%d maps, %d kills", maps, kills); kills < maps/10 {
		t.Errorf("only %d kills", kills)
	}
}

// mapWhole runs a map of n tasks, each of which takes some time, and checks every result.
func mapWhole(t *testing.T, p *osproc.Pool[job, int], n int, took time.Duration, ordered bool) {
	t.Helper()
	items := func(yield func(job) bool) {
		for i := range n {
			if !yield(job{N: i, Took: took}) {
				return
			}
		}
	}
	results := p.MapUnordered(t.Context(), items)
	if ordered {
		results = p.Map(t.Context(), items)
	}
	seen := make([]bool, n)
	i := 0
	for r, err := range results {
		if err != nil || r%2 != 0 || seen[r/2] || ordered && r != 2*i {
			t.Fatalf("result %d is %d, or twice there, or %v", i, r, err)
		}
		seen[r/2] = true
		i++
	}
	if i != n {
		t.Fatalf("%d results of %d", i, n)
	}
}

func TestG62_DoWithRandomKills(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Workers: 3, Retries: 1000, MaxFailures: 100})
	stop := killAtRandom(t, p, 2*time.Millisecond)
	results := make(chan error, 32)
	for c := range cap(results) {
		go func() {
			for i := range storm(30, 1000) {
				n, err := p.Do(t.Context(), job{N: 1000*c + i, Took: 50 * time.Microsecond})
				if err != nil || n != 2*(1000*c+i) {
					results <- fmt.Errorf("%d: %d, %w", i, n, err)
					return
				}
			}
			results <- nil
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	t.Log("kills:", stop())
}

// Exactly the task that killed its workers is reported, whatever the chunk it was in.
func TestG62_PoisonIsExact(t *testing.T) {
	nothingLeft(t)
	for mode, check := range map[string]func(*osproc.ExitError) bool{
		"kill": func(e *osproc.ExitError) bool { return e.Status.Signal == syscall.SIGKILL },
		"exit": func(e *osproc.ExitError) bool { return e.Status.Code == 7 },
		"crash": func(e *osproc.ExitError) bool {
			return e.Status.Code == 2 && strings.Contains(e.Crash, "panic: elsewhere")
		},
	} {
		for _, cfg := range []osproc.PoolConfig{{}, {Chunk: 1}, {Chunk: 100}, {Retries: 2}, {Chunk: 100, Retries: 3}} {
			p := openPool(t, cfg)
			i := 0
			for r, err := range p.Map(t.Context(), jobs(300, map[int]string{130: mode, 133: mode, 299: mode})) {
				switch i {
				case 130, 133, 299:
					var poison *osproc.PoisonError
					if !errors.As(err, &poison) || poison.Deaths != cfg.Retries+1 || !check(poison.Exit) {
						t.Fatalf("%s, %+v, task %d: %d, %v", mode, cfg, i, r, err)
					}
				default:
					if err != nil || r != 2*i {
						t.Fatalf("%s, %+v, task %d: %d, %v", mode, cfg, i, r, err)
					}
				}
				i++
			}
			if s := p.Stats(); i != 300 || s.Poisoned != 3 || s.Retried != 3*cfg.Retries || s.Failed != 3 || s.Done != 297 {
				t.Errorf("%d results, %+v", i, s)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTaskErrors(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Chunk: 7})
	i := 0
	for r, err := range p.Map(t.Context(), jobs(100, map[int]string{3: "error", 4: "panic", 50: "goexit", 51: "error"})) {
		var panicked *osproc.PanicError
		switch i {
		case 3, 51:
			if !errors.Is(err, errKnown) {
				t.Error(i, err)
			}
		case 4:
			if !errors.As(err, &panicked) || panicked.Value != "on purpose" || !strings.Contains(panicked.Stack, "pool_fault_test.go") {
				t.Error(i, err)
			}
		case 50:
			if !errors.Is(err, osproc.ErrGoexit) {
				t.Error(i, err)
			}
		default:
			if err != nil || r != 2*i {
				t.Error(i, r, err)
			}
		}
		i++
	}
	if i != 100 {
		t.Error(i)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestTasksThatCannotTravel(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{Chunk: 10})
	items := func(yield func(job) bool) {
		for i := range 100 {
			j := job{N: i}
			if i%10 == 5 {
				j.Any = struct{ unknown int }{i}
			}
			if !yield(j) {
				return
			}
		}
	}
	i := 0
	for r, err := range p.Map(t.Context(), items) {
		if bad := i%10 == 5; bad != (err != nil) || !bad && r != 2*i {
			t.Error(i, r, err)
		}
		i++
	}
	if _, err := p.Do(t.Context(), job{Any: struct{ unknown int }{1}}); err == nil || !strings.Contains(err.Error(), "the argument of a task cannot be sent") {
		t.Error(err)
	}
	if n, err := p.Do(t.Context(), job{N: 4}); n != 8 || err != nil || i != 100 {
		t.Error(n, err, i)
	}
	if s := p.Stats(); s.Failed != 11 || s.Deaths != 0 {
		t.Errorf("%+v", s)
	}

	q := must[*osproc.Pool[any, any]](t)(osproc.NewPool(background, anyhow, osproc.PoolConfig{Workers: 1}))
	defer q.Terminate()
	i = 0
	for r, err := range q.Map(t.Context(), slices.Values([]any{1, 2, "bad", 4, 5})) {
		if bad := i == 2; bad != (err != nil) || bad && !strings.Contains(err.Error(), "the result of anyhow cannot be sent") {
			t.Error(i, r, err)
		}
		i++
	}
	if i != 5 {
		t.Error(i)
	}
	if _, err := osproc.NewPool(background, withChan, osproc.PoolConfig{}); err == nil || !strings.Contains(err.Error(), "holder.Ch") {
		t.Error(err)
	}
}

var anyhow = osproc.Register("anyhow", func(_ context.Context, v any) (any, error) {
	if v == "bad" {
		return struct{ unknown int }{1}, nil
	}
	return v, nil
})
