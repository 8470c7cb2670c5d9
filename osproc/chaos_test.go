//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

// Everything at once: maps that are left early and maps that are not, calls that are given up, tasks
// that kill their workers and tasks that panic, workers that are killed, told to end and stopped,
// pools that grow and shrink. Whoever waits gets what is his, and in the end the pool can be closed.
func TestG62_Chaos(t *testing.T) {
	nothingLeft(t)
	for _, cfg := range []osproc.PoolConfig{
		{},
		{MaxTasks: 50},
		{Concurrency: 3, MaxTasks: 200},
		{Chunk: 30, TaskTimeout: 2 * time.Second},
	} {
		cfg.MaxFailures, cfg.Retries = 1000, 1000
		p := openPool(t, cfg)
		stop := disturb(p)
		var clients sync.WaitGroup
		for range 3 {
			clients.Go(func() { chaoticMaps(t, p, storm(4, 100)) })
			clients.Go(func() { chaoticCalls(t, p, storm(40, 1000)) })
		}
		clients.Wait()
		stop()
		if n, err := p.Do(t.Context(), job{N: 21}); n != 42 || err != nil {
			t.Error(n, err)
		}
		shut(t, p)
	}
}

// chaoticMaps runs maps; some are left early.
func chaoticMaps(t *testing.T, p *osproc.Pool[job, int], times int) {
	for range times {
		n := 1 + rand.IntN(500)
		until := n
		if rand.IntN(3) == 0 {
			until = rand.IntN(n)
		}
		i := 0
		for r, err := range p.Map(t.Context(), jobs(n, map[int]string{n / 2: "panic"})) {
			switch panics := i == n/2; {
			case i >= n:
				t.Error("too many results:", r, err)
			case panics && !errors.As(err, new(*osproc.PanicError)), !panics && (err != nil || r != 2*i):
				t.Errorf("task %d of %d: %d, %v", i, n, r, err)
			}
			if i++; i > until {
				break
			}
		}
		if until == n && i != n {
			t.Errorf("%d results of %d", i, n)
		}
	}
}

// chaoticCalls calls Do; some calls are given up, and some of those would never end.
func chaoticCalls(t *testing.T, p *osproc.Pool[job, int], times int) {
	for i := range times {
		ctx, j := t.Context(), job{N: i, Took: rand.N(50 * time.Microsecond)}
		cancel := func() {}
		if rand.IntN(3) == 0 {
			ctx, cancel = context.WithTimeout(ctx, rand.N(5*time.Millisecond))
			j.Mode = []string{"", "context"}[rand.IntN(2)]
		}
		n, err := p.Do(ctx, j)
		gaveUp := errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil
		if !gaveUp && (err != nil || n != 2*i) {
			t.Errorf("call %d: %d, %v", i, n, err)
		}
		cancel()
	}
}

// disturb lets no worker rest.
func disturb(p *osproc.Pool[job, int]) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM}
	go func() {
		defer close(done)
		progress := 0
		for tick := time.NewTicker(3 * time.Millisecond); ; {
			select {
			case <-quit:
				tick.Stop()
				return
			case <-tick.C:
			}
			s := p.Stats()
			if s.Done < progress+20 || len(s.Workers) == 0 {
				continue
			}
			progress = s.Done
			if rand.IntN(4) == 0 {
				_ = p.Resize(1 + rand.IntN(3))
				continue
			}
			worker := s.Workers[rand.IntN(len(s.Workers))]
			_ = syscall.Kill(worker.PID, signals[rand.IntN(len(signals))])
		}
	}()
	return func() { close(quit); <-done }
}
