package bolt

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

// fill puts one mail to each of n addresses.
func fill(tb testing.TB, s *Store, n int) {
	tb.Helper()
	mail := make([]mailbox.Mail, 0, 1000)
	for i := range n {
		mail = append(mail, mailbox.Mail{Address: "/cart/" + strconv.Itoa(i), Body: []byte(`{"Item":"apple","N":3}`)})
		if len(mail) == cap(mail) || i == n-1 {
			if err := s.Put(tb.Context(), mail...); err != nil {
				tb.Fatal(err)
			}
			mail = mail[:0]
		}
	}
}

// handleOne handles the mail of n addresses and releases them.
func handleOne(tb testing.TB, session mailbox.Session, n int) {
	tb.Helper()
	into := make([]mailbox.Delivery, 1)
	for range n {
		b, err := session.Next(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		for {
			got, err := b.Fetch(into, nil)
			if err != nil {
				tb.Fatal(err)
			}
			if got == 0 {
				break
			}
			if err := b.Settle([]mailbox.Outcome{{Key: into[0].Key}}); err != nil {
				tb.Fatal(err)
			}
		}
		if err := b.Release(0); err != nil {
			tb.Fatal(err)
		}
	}
	if err := session.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// inMemory returns how many addresses the store knows without looking into the file.
func (s *Store) inMemory() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.boxes) + len(s.ready) + len(s.queued) + len(s.given) + len(s.resting) + len(s.room) + len(s.counts)
}

// TestAddressesTakeNoMemory: neither those whose mail waits, nor those that are done.
func TestAddressesTakeNoMemory(t *testing.T) {
	const all = maxReady + maxReady/2
	s := openAt(t, filepath.Join(t.TempDir(), "mail.db"), NoSync())
	fill(t, s, all)
	if n := s.inMemory(); n != 0 {
		t.Errorf("%d addresses are in memory that nobody serves, want 0", n)
	}
	session, err := s.Serve(t.Context(), mailbox.Serving{})
	if err != nil {
		t.Fatal(err)
	}
	handleOne(t, session, all/2)
	if n := s.inMemory(); n > 2*maxReady+2*maxPromised { // that is all, however many there are
		t.Errorf("%d addresses are in memory of %d that wait", n, all/2)
	}
	handleOne(t, session, all-all/2)
	putTexts(t, s, "/last", "behind whatever has been found and was handled in the meantime")
	handleOne(t, session, 1)
	if n := s.inMemory(); n != 0 {
		t.Errorf("%d addresses are in memory whose mail was handled, want 0", n)
	}
}

// BenchmarkWaitingAddress reports what each of a million addresses takes whose mail
// waits: in memory, in the file, and in memory when it was handled.
func BenchmarkWaitingAddress(b *testing.B) {
	const all = 1_000_000
	for range b.N {
		path := filepath.Join(b.TempDir(), "mail.db")
		s, err := Open(path, NoSync())
		if err != nil {
			b.Fatal(err)
		}
		before := heapBytes()
		fill(b, s, all)
		b.ReportMetric(float64(heapBytes()-before)/all, "bytes/waiting")
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/all, "filebytes/waiting")
		session, err := s.Serve(context.Background(), mailbox.Serving{})
		if err != nil {
			b.Fatal(err)
		}
		handleOne(b, session, all)
		b.ReportMetric(float64(heapBytes()-before)/all, "bytes/handled")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
