package shm

import (
	"strconv"
	"testing"
	"time"
)

func init() {
	children["pairs"] = func(c *child) {
		m := c.open().NewMutex(0, 0)
		n, _ := strconv.Atoi(c.wait())
		c.say("ready")
		c.wait()
		t := time.Now()
		var worst time.Duration
		for range n {
			s := time.Now()
			_ = m.Lock(background)
			_ = m.Unlock()
			worst = max(worst, time.Since(s))
		}
		c.say(int64(time.Since(t)))
		c.say(worst)
	}
	// echo waits for its turn in a word, with the marks, and gives it back.
	children["echo"] = func(c *child) {
		r := c.open()
		m := r.NewMutex(0, 0)
		a, b := r.Mark(512, 0), r.Mark(528, 1)
		c.say("ready")
		for n := uint64(1); ; n += 2 {
			pingpong(r, m, a, b, n)
		}
	}
}

func pingpong(r *Region, m *Mutex, mine, other *Mark, turn uint64) {
	w := r.Word(64)
	for {
		_ = m.Lock(background)
		if w.Load() == turn {
			break
		}
		t := mine.Set()
		_ = m.Unlock()
		_ = mine.Wait(background, t)
	}
	other.Ring()
	w.Add(1)
	_ = m.Unlock()
}

func BenchmarkMutexContendedProcesses(b *testing.B) {
	r := newRegion4Test(b)
	var ps []*proc
	for range 2 {
		p := start(b, "pairs", r)
		p.tell(strconv.Itoa(b.N))
		p.read()
		ps = append(ps, p)
	}
	b.ResetTimer()
	for _, p := range ps {
		p.tell("go")
	}
	for _, p := range ps {
		p.read()
		b.Log(p.read())
	}
	b.ReportMetric(float64(b.Elapsed())/float64(2*b.N), "ns/pair")
}

func BenchmarkRoundTrip(b *testing.B) {
	r := newRegion4Test(b)
	m := r.NewMutex(0, 0)
	mine, other := r.Mark(528, 1), r.Mark(512, 0)
	p := start(b, "echo", r)
	p.read()
	turn := uint64(0)
	for b.Loop() {
		pingpong(r, m, mine, other, turn)
		turn += 2
	}
	b.StopTimer()
	p.kill()
}

// BenchmarkAlive asks whether the owner of a mutex lives.
func BenchmarkAlive(b *testing.B) {
	r := newRegion4Test(b)
	p := start(b, "hold", r)
	p.read()
	owner := Owner(r.Word(0).Load() & ownerMask)
	for b.Loop() {
		if alive, err := r.Alive(owner); !alive || err != nil {
			b.Fatal(alive, err)
		}
	}
}
