package mail

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// A row is somebody who keeps mail.
type row struct {
	name string
	// open starts what is needed and returns what is measured.
	open func(b *testing.B) system
}

// A system is one that is running.
type system struct {
	// put puts one message and returns when it is safe. It is called by several
	// goroutines.
	put func(body []byte) error
	// alone is used instead of put by a single goroutine, if it is set.
	alone func(body []byte) error
	// serve handles messages until handled has been called for each of n, and
	// returns when what it acknowledged is safe.
	serve func(n int, handled func()) error
}

var rows = []row{
	{"bolt/raw", openRawBolt},
	{"bolt/troupe", openBolt},
	{"redis/raw", openRawRedis},
	{"redis/troupe", openRedis},
}

func BenchmarkMail(b *testing.B) {
	for _, writers := range []int{1, 64} {
		for _, r := range rows {
			b.Run(fmt.Sprintf("writers=%d/%s", writers, r.name), func(b *testing.B) { measure(b, r, writers) })
		}
	}
}

func measure(b *testing.B, r row, writers int) {
	s := r.open(b)
	put, body := s.put, make([]byte, 100)
	if writers == 1 && s.alone != nil {
		put = s.alone
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := put(body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	var handled atomic.Int64
	if err := s.serve(b.N, func() { handled.Add(1) }); err != nil {
		b.Fatal(err)
	}
	wg.Wait()
	b.StopTimer()
	if int(handled.Load()) != b.N {
		b.Errorf("handled %d of %d", handled.Load(), b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
