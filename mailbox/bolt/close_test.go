package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

// TestCloseDuringPuts: what a Put said is in the file; what it did not say may be.
func TestCloseDuringPuts(t *testing.T) {
	for range rounds(5) {
		path := filepath.Join(t.TempDir(), "mail.db")
		s := openAt(t, path, NoSync())
		session, err := s.Serve(t.Context(), mailbox.Serving{})
		if err != nil {
			t.Fatal(err)
		}
		var put, settled atomic.Int64
		var doing sync.WaitGroup
		begun := make(chan struct{}, 16)
		for sender := range 16 {
			doing.Go(func() {
				for {
					err := s.Put(context.Background(), mailbox.Mail{Address: fmt.Sprint("/", sender%4), Body: []byte("x")})
					if errors.Is(err, mailbox.ErrClosed) {
						return
					}
					if err != nil {
						t.Error("Put:", err)
						return
					}
					put.Add(1)
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		doing.Go(func() {
			into := make([]mailbox.Delivery, 3)
			for {
				b, err := session.Next(context.Background())
				if err != nil {
					return
				}
				n, _ := b.Fetch(into, nil)
				for i := range n {
					if b.Settle([]mailbox.Outcome{{Key: into[i].Key}}) == nil {
						settled.Add(1)
					}
				}
				b.Release(0)
			}
		})
		for range 16 {
			<-begun
		}
		if err := s.Close(); err != nil {
			t.Error("Close:", err)
		}
		doing.Wait()
		s = openAt(t, path)
		totals, err := s.Addresses().Totals(t.Context())
		left := int64(totals.Waiting)
		if least := put.Load() - settled.Load(); err != nil || left < least || left > least+16 {
			t.Errorf("%d are left, %v; %d were put and %d settled", left, err, put.Load(), settled.Load())
		}
	}
}

// TestLongIDs: an ID may be longer than a key of the file.
func TestLongIDs(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "mail.db"))
	long := strings.Repeat("i", 100_000)
	for _, id := range []string{long, long + "x", long, long + "x"} {
		if err := s.Put(t.Context(), mailbox.Mail{Address: "/a", ID: id, Body: []byte("b")}); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := s.Addresses().Status(t.Context(), "/a"); st.Waiting != 2 || err != nil {
		t.Errorf("%d wait, %v; want 2", st.Waiting, err)
	}
}

// TestLargeMailAtOnce: mail that is too much for one transaction goes into several.
func TestLargeMailAtOnce(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "mail.db"), NoSync())
	body := bytes.Repeat([]byte{'x'}, 9<<20)
	var doing sync.WaitGroup
	for range 4 {
		doing.Go(func() {
			if err := s.Put(t.Context(), mailbox.Mail{Address: "/a", Body: body}); err != nil {
				t.Error("Put:", err)
			}
		})
	}
	doing.Wait()
	if err := s.Put(t.Context(), mailbox.Mail{Address: "/a", Body: make([]byte, largest)}); !errors.Is(err, mailbox.ErrTooLarge) {
		t.Errorf("Put of too much returned %v", err)
	}
	left := leftBehind(t, s)
	if len(left) != 4 || len(left[3].Body) != len(body) {
		t.Errorf("%d came, want 4", len(left))
	}
}

// TestPutEndsWithContext: who gives up does not wait for those who write.
func TestPutEndsWithContext(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "mail.db"))
	writing, goOn := make(chan struct{}), make(chan struct{})
	var doing sync.WaitGroup
	doing.Go(func() {
		s.commit.do(context.Background(), 0, func(*txn) error {
			close(writing)
			<-goOn
			return nil
		})
	})
	<-writing
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	doing.Go(func() {
		if err := s.Put(ctx, mailbox.Mail{Address: "/a"}); !errors.Is(err, why) {
			t.Errorf("Put returned %v, want the cause of its context", err)
		}
		close(goOn)
	})
	cancel(why)
	doing.Wait()
}

// TestG70_HeavyMail: a box does not hold more in memory than it may, and gets all of it.
func TestG70_HeavyMail(t *testing.T) {
	const all, size = 20, 1 << 20
	s := openAt(t, filepath.Join(t.TempDir(), "mail.db"), NoSync())
	send := func(from, to int) {
		for i := from; i < to; i++ {
			body := make([]byte, size)
			body[0] = byte(i)
			if err := s.Put(t.Context(), mailbox.Mail{Address: "/a", Body: body}); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(0, all/2)
	session, err := s.Serve(t.Context(), mailbox.Serving{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := session.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send(all/2, all)
	woken := make(chan struct{}, 1)
	into := make([]mailbox.Delivery, 2*all)
	for got := 0; got < all; {
		n, err := b.Fetch(into, func() { woken <- struct{}{} })
		if err != nil {
			t.Fatal("Fetch:", err)
		}
		if n == 0 {
			<-woken
		}
		if n > maxHeld/size+1 {
			t.Errorf("%d were at hand, want at most %d", n, maxHeld/size+1)
		}
		for i := range n {
			if int(into[i].Body[0]) != got || into[i].Count != 1 {
				t.Errorf("%d came with count %d, want %d", into[i].Body[0], into[i].Count, got)
			}
			got++
			if err := b.Settle([]mailbox.Outcome{{Key: into[i].Key}}); err != nil {
				t.Fatal("Settle:", err)
			}
		}
	}
}
