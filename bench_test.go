package troupe_test

import (
	"context"
	"testing"

	"github.com/troupe-go/troupe"
)

func inNode(b *testing.B, f func(self *troupe.Self[int])) {
	b.Helper()
	if err := troupe.Run(context.Background(), func(self *troupe.Self[int]) error {
		f(self)
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOneToOneDirect(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		n := b.N
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[int]) error {
			for range self.Messages() {
				if n--; n == 0 {
					return nil
				}
			}
			return nil
		})
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			r.Send(self, i)
		}
		self.Receive()
	})
}

func BenchmarkOneToOneHandler(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		n := b.N
		r := troupe.SpawnHandler(self, troupe.HandlerFunc[int](func(self *troupe.Self[int], m troupe.Message[int]) error {
			if n--; n == 0 {
				return troupe.Stop
			}
			return nil
		}), troupe.Monitored())
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			r.Send(self, i)
		}
		self.Receive()
	})
}

func BenchmarkPingPongHandler(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		n := b.N
		h := troupe.HandlerFunc[troupe.Ref[int]](nil)
		_ = h
		pong := troupe.SpawnHandler(self, troupe.HandlerFunc[int](func(self *troupe.Self[int], m troupe.Message[int]) error {
			m.Reply(self, m.Body)
			return nil
		}))
		ping := troupe.SpawnHandler(self, troupe.HandlerFunc[int](func(self *troupe.Self[int], m troupe.Message[int]) error {
			if n--; n <= 0 {
				return troupe.Stop
			}
			return pong.Send(self, n)
		}), troupe.Monitored())
		b.ReportAllocs()
		b.ResetTimer()
		ping.Send(self, 1)
		self.Receive()
	})
}

func BenchmarkPingPongDirect(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		pong := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			for m := range self.Messages() {
				m.Reply(self, m.Body)
			}
			return nil
		})
		b.ReportAllocs()
		for i := range b.N {
			pong.Send(self, i)
			self.Receive()
		}
	})
}

func BenchmarkAskDirect(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		r := troupe.Spawn(self, func(self *troupe.Self[troupe.Call[int, int]]) error {
			for m := range self.Messages() {
				m.Body.Reply(self, m.Body.Request)
			}
			return nil
		})
		b.ReportAllocs()
		for i := range b.N {
			troupe.Ask(self, r, i)
		}
	})
}

func BenchmarkAskHandler(b *testing.B) {
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

func BenchmarkSpawnStopHandler(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		h := troupe.HandlerFunc[int](func(self *troupe.Self[int], m troupe.Message[int]) error { return troupe.Stop })
		b.ReportAllocs()
		for range b.N {
			troupe.SpawnHandler(self, h).Send(self, 1)
		}
	})
}

func BenchmarkSpawnStopDirect(b *testing.B) {
	inNode(b, func(self *troupe.Self[int]) {
		b.ReportAllocs()
		for range b.N {
			troupe.Spawn(self, func(self *troupe.Self[int]) error { return nil })
		}
	})
}
