package station_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// The benchmarks named Root do with handler processes of the module root what
// those named Station do with addresses.

func BenchmarkRootOneToOne(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		n, done := b.N, make(chan struct{})
		r := troupe.SpawnHandler(self, troupe.HandlerFunc[add](func(*troupe.Self[add], troupe.Message[add]) error {
			if n--; n == 0 {
				close(done)
			}
			return nil
		}))
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			r.Send(context.Background(), add{"apple", i})
		}
		<-done
	})
}

func BenchmarkStationOneToOne(b *testing.B) {
	s := station.New(mailbox.NewMemory())
	n, done := b.N, make(chan struct{})
	station.HandleFunc(s, "/cart/{id}", func(context.Context, station.Mail[add]) error {
		if n--; n == 0 {
			close(done)
		}
		return nil
	}, station.Options{})
	serve(b, s)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		station.Tell(context.Background(), s, "/cart/42", add{"apple", i})
	}
	<-done
}

const many = 1000

func BenchmarkRootOneToMany(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		var n atomic.Int64
		done := make(chan struct{})
		var refs [many]troupe.Ref[add]
		for i := range refs {
			refs[i] = troupe.SpawnHandler(self, troupe.HandlerFunc[add](func(*troupe.Self[add], troupe.Message[add]) error {
				if n.Add(1) == int64(b.N) {
					close(done)
				}
				return nil
			}))
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			refs[i%many].Send(context.Background(), add{"apple", i})
		}
		<-done
	})
}

func BenchmarkStationOneToMany(b *testing.B) {
	s := station.New(mailbox.NewMemory())
	var n atomic.Int64
	done := make(chan struct{})
	station.HandleFunc(s, "/cart/{id}", func(context.Context, station.Mail[add]) error {
		if n.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	}, station.Options{})
	serve(b, s)
	var carts [many]string
	for i := range carts {
		carts[i] = fmt.Sprint("/cart/", i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		station.Tell(context.Background(), s, carts[i%many], add{"apple", i})
	}
	<-done
}

func BenchmarkRootAsk(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		r := troupe.SpawnHandler(self, troupe.HandlerFunc[troupe.Call[int, int]](func(self *troupe.Self[troupe.Call[int, int]], m troupe.Message[troupe.Call[int, int]]) error {
			return m.Body.Reply(self, m.Body.Request)
		}))
		b.ReportAllocs()
		for i := range b.N {
			troupe.Ask(self, r, i)
		}
	})
}

func BenchmarkStationAsk(b *testing.B) {
	s := station.New(mailbox.NewMemory())
	station.HandleFunc(s, "/echo", func(ctx context.Context, m station.Mail[int]) error {
		return m.Reply(ctx, m.Body)
	}, station.Options{})
	serve(b, s)
	b.ReportAllocs()
	for i := range b.N {
		station.Ask[int, int](context.Background(), s, "/echo", i)
	}
}

// BenchmarkIdleAddress reports what an address takes that has one mail and is
// not served, and one whose actor rests.
func BenchmarkIdleAddress(b *testing.B) {
	const all = 100_000
	b.Run("waiting", func(b *testing.B) {
		for range b.N {
			s := station.New(mailbox.NewMemory())
			before := heap()
			for i := range all {
				station.Tell(b.Context(), s, "/cart/"+strconv.Itoa(i), i)
			}
			b.ReportMetric(float64(heap()-before)/all, "bytes/address")
			runtime.KeepAlive(s)
		}
	})
	b.Run("resting", func(b *testing.B) {
		for range b.N {
			s := station.New(mailbox.NewMemory(), station.Keep(all))
			var n atomic.Int64
			done := make(chan struct{})
			station.HandleFunc(s, "/cart/{id}", func(context.Context, station.Mail[int]) error {
				if n.Add(1) == all {
					close(done)
				}
				return nil
			}, station.Options{})
			serve(b, s)
			before := heap()
			for i := range all {
				station.Tell(b.Context(), s, "/cart/"+strconv.Itoa(i), i)
			}
			<-done
			b.ReportMetric(float64(heap()-before)/all, "bytes/address")
		}
	})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func inNode(b *testing.B, f func(self *troupe.Self[int])) {
	b.Helper()
	if err := troupe.Run(context.Background(), func(self *troupe.Self[int]) error {
		f(self)
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func serve(b *testing.B, s *station.Station) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	ready := make(chan struct{})
	go func() {
		defer close(ended)
		troupe.Run(ctx, func(self *troupe.Self[troupe.None]) error {
			troupe.Spawn(self, s.Run, troupe.OnReady(func() { close(ready) }))
			<-self.Done()
			return nil
		})
	}()
	<-ready
	b.Cleanup(func() { cancel(); <-ended })
}
