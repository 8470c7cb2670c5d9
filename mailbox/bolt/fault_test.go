package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
)

func openAt(t *testing.T, path string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func putTexts(t *testing.T, s mailbox.Store, address string, bodies ...string) {
	t.Helper()
	var mail []mailbox.Mail
	for _, body := range bodies {
		mail = append(mail, mailbox.Mail{Address: address, Body: []byte(body)})
	}
	if err := s.Put(t.Context(), mail...); err != nil {
		t.Fatal("Put:", err)
	}
}

func TestClockJumps(t *testing.T) {
	mailboxtest.ClockJumps(t, func(t *testing.T, p mailboxtest.Wall) mailbox.Store {
		return openAt(t, filepath.Join(t.TempDir(), "mail.db"), WallClock(p))
	})
}

// hold opens the file and keeps it open until the program is killed.
func hold(dir string, _ []string) error {
	if _, err := Open(filepath.Join(dir, "mail.db")); err != nil {
		return err
	}
	fmt.Println("holds")
	select {}
}

// TestInUse: a file that another program has open cannot be opened, and the error says
// which and what to do. When that program is killed, it can.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mail.db")
	other := start(t, "hold", dir)
	other.until(t, "holds")
	_, err := Open(path, LockWait(1))
	if !errors.Is(err, mailbox.ErrInUse) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "end it") {
		t.Errorf("Open returned %v, want ErrInUse with the path and what to do", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	s := openAt(t, path)
	if _, err := Open(path, LockWait(1)); !errors.Is(err, mailbox.ErrInUse) {
		t.Errorf("a second Open returned %v, want ErrInUse", err)
	}
	putTexts(t, s, "/a", "1")
}

// filled returns the bytes of a file with some mail.
func filled(t *testing.T, path string) []byte {
	t.Helper()
	s := openAt(t, path)
	for i := range 60 {
		putTexts(t, s, fmt.Sprintf("/%d", i%7), strings.Repeat(fmt.Sprint(i), 200))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openDamaged opens a file and does everything with it that can be done. It fails the
// test unless there is a clear error or everything works; the program must not end.
func openDamaged(t *testing.T, path, what string) (opened bool) {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		if !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Open returned %v; want the path, and that it is damaged", what, err)
		}
		return false
	}
	defer s.Close()
	ctx := t.Context()
	_, err1 := s.Addresses().Totals(ctx)
	_, err2 := s.Addresses().List(ctx, mailbox.Query{})
	err3 := s.Put(ctx, mailbox.Mail{Address: "/3", ID: "x", Body: []byte("x")})
	for _, err := range []error{err1, err2, err3} {
		if err != nil && !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", what, err)
		}
	}
	return true
}

func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	good := filled(t, path)
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{1, 100, 4096, 8192, 8200, 12_000} {
		write(good[:size])
		if openDamaged(t, path, fmt.Sprintf("cut to %d bytes", size)) {
			t.Errorf("cut to %d bytes of %d, it could be opened", size, len(good))
		}
	}
	write([]byte(strings.Repeat("this is no mail but a letter to my aunt\n", 1000)))
	if openDamaged(t, path, "a text") {
		t.Error("a text could be opened")
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range rounds(60) {
		b := bytes.Clone(good)
		at, n := random.IntN(len(b)), 1+random.IntN(3000)
		for i := at; i < min(at+n, len(b)); i++ {
			b[i] = byte(random.Uint32() * (random.Uint32() & 1))
		}
		write(b)
		openDamaged(t, path, fmt.Sprintf("overwritten at %d, %d bytes, seed %d", at, n, seed))
	}
	write(good)
	if !openDamaged(t, path, "untouched") {
		t.Error("the file that is whole could not be opened")
	}
}

// TestG70_FailedAndWritten: when a transaction is in the file though it was said to have
// failed, owners lose their addresses and read them again, and nothing is done twice.
func TestG70_FailedAndWritten(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "mail.db"))
	putTexts(t, s, "/a", "1", "2", "3", "4")
	session, err := s.Serve(t.Context(), mailbox.Serving{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := session.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	into := make([]mailbox.Delivery, 2)
	if n, err := b.Fetch(into, func() {}); n != 2 || err != nil {
		t.Fatal("Fetch:", n, err)
	}
	lost := b.Lost()
	err = s.commit.do(t.Context(), 0, func(tx *txn) error {
		tx.OnCommit(func() { panic("the disk is gone") }) // as if its last write had failed
		settled := s.boxes["/a"].queue.Look([]mailbox.Outcome{{Key: into[0].Key, Verdict: mailbox.Aside}})
		letters, err := s.compose([]mailbox.Mail{{Address: "/a", Body: []byte("5")}})
		if err != nil {
			return err
		}
		return errors.Join(tx.settle(s.boxes["/a"], settled, 1), tx.putAll(letters))
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Fatalf("the transaction returned %v", err)
	}
	<-lost
	if err := b.Settle([]mailbox.Outcome{{Key: into[1].Key}}); !errors.Is(err, mailbox.ErrLost) {
		t.Errorf("Settle returned %v, want ErrLost", err)
	}
	putTexts(t, s, "/a", "6")
	session.Close()
	var got []string
	for _, d := range leftBehind(t, s) {
		got = append(got, fmt.Sprint(string(d.Body), "#", d.Count))
	}
	if want := "[2#2 3#2 4#2 1#2 5#2 6#1]"; fmt.Sprint(got) != want {
		t.Errorf("then came %v, want %v", got, want)
	}
}

// crammed puts mail until the disk is full, and goes on when it is not any more. It
// returns what is wrong.
func crammed(dir string, shrink, grow func() error) error {
	ctx := context.Background()
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	defer s.Close()
	put := 0
	next := func() error {
		body := fmt.Appendf(nil, "%d %s", put+1, bytes.Repeat([]byte{'x'}, 3000))
		err := s.Put(ctx, mailbox.Mail{Address: "/a", Body: body})
		if err == nil {
			put++
		}
		return err
	}
	for range 20 {
		if err := next(); err != nil {
			return err
		}
	}
	if err := shrink(); err != nil {
		return err
	}
	for err == nil && put < 5000 {
		err = next()
	}
	if err == nil || !strings.Contains(err.Error(), s.path) {
		return fmt.Errorf("after %d the disk is not full: %w", put, err)
	}
	fmt.Printf("full after %d: %v\n", put, err)
	session, err := s.Serve(ctx, mailbox.Serving{})
	if err != nil {
		return err
	}
	got := 0
	if err := expect(ctx, session, &got, 10); err != nil {
		return err
	}
	for range 3 {
		if err := next(); err != nil && !strings.Contains(err.Error(), s.path) {
			return err
		}
	}
	if err := session.Flush(ctx); err != nil {
		fmt.Println("outcomes wait:", err)
	}
	if st, err := s.Addresses().Status(ctx, "/a"); err != nil || st.Waiting > put {
		return fmt.Errorf("%d wait of %d: %w", st.Waiting, put, err)
	}
	if err := grow(); err != nil {
		return err
	}
	if err := next(); err != nil {
		return fmt.Errorf("there is room again: %w", err)
	}
	if err := expect(ctx, session, &got, put); err != nil {
		return err
	}
	if err := errors.Join(session.Flush(ctx), s.Close()); err != nil {
		return err
	}
	if s, err = Open(s.path); err != nil {
		return err
	}
	defer s.Close()
	if st, err := s.Addresses().Status(ctx, "/a"); err != nil || st.Waiting != 0 {
		return fmt.Errorf("%d are left: %w", st.Waiting, err)
	}
	return nil
}

// expect handles mail of /a, numbered from got+1, up to last.
func expect(ctx context.Context, session mailbox.Session, got *int, last int) error {
	b, err := session.Next(ctx)
	if err != nil {
		return err
	}
	woken := make(chan struct{}, 1)
	into := make([]mailbox.Delivery, 1)
	for *got < last {
		n, err := b.Fetch(into, func() { woken <- struct{}{} })
		if err != nil {
			return err
		}
		if n == 0 {
			<-woken
			continue
		}
		var number int
		fmt.Sscan(string(into[0].Body), &number)
		if number != *got+1 {
			return fmt.Errorf("%d came after %d", number, *got)
		}
		*got = number
		if err := b.Settle([]mailbox.Outcome{{Key: into[0].Key}}); err != nil {
			return err
		}
	}
	return b.Release(0)
}
