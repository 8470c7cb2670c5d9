package mailbox_test

import (
	"strconv"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

// bytesEach returns how many bytes of the heap each of n addresses takes that has one
// mail, and how many each took when its mail has been handled.
func bytesEach(tb testing.TB, n int) (waiting, handled float64) {
	tb.Helper()
	m := mailbox.NewMemory()
	defer m.Close()
	before := heap()
	for i := range n {
		if err := m.PutValue(tb.Context(), "/cart/"+strconv.Itoa(i), add{"apple", i}); err != nil {
			tb.Fatal(err)
		}
	}
	waiting = float64(heap()-before) / float64(n)
	session, err := m.Serve(tb.Context(), mailbox.Serving{})
	if err != nil {
		tb.Fatal(err)
	}
	into := make([]mailbox.Delivery, 1)
	for range n {
		b, err := session.Next(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		if n, err := b.Fetch(into, nil); n != 1 || err != nil {
			tb.Fatal(n, err)
		}
		if err := b.Settle([]mailbox.Outcome{{Key: into[0].Key}}); err != nil {
			tb.Fatal(err)
		}
		if err := b.Release(0); err != nil {
			tb.Fatal(err)
		}
	}
	return waiting, max(float64(heap())-float64(before), 0) / float64(n)
}

func TestAddressBytes(t *testing.T) {
	waiting, handled := bytesEach(t, 100_000)
	t.Logf("%.0f bytes for each address with a mail, %.0f when it was handled", waiting, handled)
	if waiting > 400 {
		t.Errorf("an address with one mail takes %.0f bytes, want at most 400", waiting)
	}
	if handled > 4 {
		t.Errorf("an address without mail takes %.0f bytes", handled)
	}
}

// BenchmarkIdleAddress reports what each of a million addresses with one mail takes.
func BenchmarkIdleAddress(b *testing.B) {
	for range b.N {
		waiting, handled := bytesEach(b, 1_000_000)
		b.ReportMetric(waiting, "bytes/address")
		b.ReportMetric(handled, "bytes/handled")
	}
}
