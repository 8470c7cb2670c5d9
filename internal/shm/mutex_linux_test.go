package shm

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

func init() {
	children["hold"] = func(c *child) {
		m := c.open().NewMutex(0, 0)
		err := m.Lock(background)
		c.say(err)
		c.wait()
		c.say(m.Unlock())
		c.wait()
	}
	// storm locks, changes two words that must stay equal, and unlocks, until it is killed.
	children["storm"] = func(c *child) {
		r := c.open()
		m := r.NewMutex(0, 0)
		a, b := r.Word(64), r.Word(128)
		c.say("on")
		for {
			if err := m.Lock(background); errors.Is(err, ErrOwnerDied) {
				b.Store(a.Load())
				r.Word(192).Add(1)
			} else if err != nil || a.Load() != b.Load() {
				c.say(err)
				os.Exit(1)
			}
			a.Add(1)
			b.Add(1)
			if err := m.Unlock(); err != nil {
				c.say(err)
				os.Exit(1)
			}
		}
	}
	children["count"] = func(c *child) {
		r := c.open()
		m := r.NewMutex(0, 0)
		c.say("on")
		c.wait()
		for range 20000 {
			if err := m.Lock(background); err != nil {
				c.say(err)
				return
			}
			w := r.Word(64)
			w.Store(w.Load() + 1)
			_ = m.Unlock()
		}
		c.say("done")
		c.wait()
	}
}

func TestG61_HolderKilled(t *testing.T) {
	r := newRegion4Test(t)
	m := r.NewMutex(0, 0)
	var took []time.Duration
	for range rounds(15) {
		p := start(t, "hold", r)
		if s := p.read(); s != "<nil>" {
			t.Fatal(s)
		}
		got := make(chan error)
		go func() { got <- m.Lock(soon(t)) }()
		killed := time.Now()
		p.kill()
		if err := <-got; !errors.Is(err, ErrOwnerDied) {
			t.Fatalf("Lock = %v, want ErrOwnerDied", err)
		}
		took = append(took, time.Since(killed))
		if err := m.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(took)
	t.Log("from the kill to the lock: median", took[len(took)/2], "worst", took[len(took)-1])
}

func TestG61_UnlockedByOther(t *testing.T) {
	r := newRegion4Test(t)
	m := r.NewMutex(0, 0)
	p := start(t, "hold", r)
	p.read()
	if err := m.Unlock(); !errors.Is(err, ErrNotOwner) {
		t.Errorf("Unlock of another's lock = %v", err)
	}
	ctx, cancel := context.WithCancelCause(background)
	cause := errors.New("cause")
	got := make(chan error)
	go func() { got <- m.Lock(ctx) }()
	cancel(cause)
	if err := <-got; err != cause {
		t.Errorf("cancelled Lock = %v", err)
	}
	go func() { got <- m.Lock(soon(t)) }()
	p.tell("")
	if err := <-got; err != nil {
		t.Errorf("Lock after unlock = %v", err)
	}
	if s := p.read(); s != "<nil>" {
		t.Error(s)
	}
}

func TestG61_KilledAtRandom(t *testing.T) {
	r := newRegion4Test(t)
	m := r.NewMutex(0, 0)
	var ps []*proc
	for range 3 {
		ps = append(ps, start(t, "storm", r))
	}
	for _, p := range ps {
		p.read()
	}
	for range rounds(40) {
		i := rand.IntN(len(ps))
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // the instant of the kill
		ps[i].kill()
		ps[i] = start(t, "storm", r)
		if s := ps[i].read(); s != "on" {
			t.Fatal(s)
		}
		switch err := m.Lock(soon(t)); {
		case errors.Is(err, ErrOwnerDied):
			r.Word(192).Add(1)
			r.Word(128).Store(r.Word(64).Load())
		case err != nil:
			t.Fatal(err)
		case r.Word(64).Load() != r.Word(128).Load():
			t.Fatal("torn, and nobody was told")
		}
		_ = m.Unlock()
	}
	if r.Word(192).Load() == 0 {
		t.Error("nobody was killed while it had the lock")
	}
	t.Log(r.Word(192).Load(), "deaths,", r.Word(64).Load(), "locks,", r.Used(), "slots")
}

func TestMutualExclusion(t *testing.T) {
	r := newRegion4Test(t)
	m := r.NewMutex(0, 0)
	var ps []*proc
	for range 3 {
		ps = append(ps, start(t, "count", r))
	}
	for _, p := range ps {
		p.read()
		p.tell("go")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5000 {
				if err := m.Lock(soon(t)); err != nil {
					t.Error(err)
					return
				}
				w := r.Word(64)
				w.Store(w.Load() + 1)
				_ = m.Unlock()
			}
		})
	}
	wg.Wait()
	for _, p := range ps {
		if s := p.read(); s != "done" {
			t.Fatal(s)
		}
	}
	if n := r.Word(64).Load(); n != 100000 {
		t.Errorf("counted %d", n)
	}
}

func BenchmarkMutex(b *testing.B) {
	r := newRegion4Test(b)
	m := r.NewMutex(0, 0)
	for b.Loop() {
		_ = m.Lock(background)
		_ = m.Unlock()
	}
}

func BenchmarkSyncMutex(b *testing.B) {
	m := new(sync.Mutex)
	for b.Loop() {
		m.Lock()
		m.Unlock() //nolint:staticcheck // it is the pair that is measured
	}
}

func BenchmarkMutexGoroutines(b *testing.B) {
	r := newRegion4Test(b)
	m := r.NewMutex(0, 0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = m.Lock(background)
			_ = m.Unlock()
		}
	})
}
