package mailbox_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

type add struct {
	Item string
	N    int
}

// BenchmarkMemory is mail put to one address and handled by its owner.
func BenchmarkMemory(b *testing.B) {
	m := mailbox.NewMemory()
	defer m.Close()
	session, _ := m.Serve(b.Context(), mailbox.Serving{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		box, _ := session.Next(context.Background())
		buf, outcomes := make([]mailbox.Delivery, 64), make([]mailbox.Outcome, 64)
		woken := make(chan struct{}, 1)
		wake := func() { woken <- struct{}{} }
		for left := b.N; left > 0; {
			n, _ := box.Fetch(buf, wake)
			if n == 0 {
				<-woken
				continue
			}
			for i := range n {
				outcomes[i] = mailbox.Outcome{Key: buf[i].Key}
			}
			box.Settle(outcomes[:n])
			left -= n
		}
	}()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		m.PutValue(b.Context(), "/cart/42", add{"apple", i})
	}
	<-done
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
