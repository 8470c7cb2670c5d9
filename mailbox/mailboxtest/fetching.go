package mailboxtest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// mailWaits: mail for an address that nobody serves waits, and comes to the
// session that begins later; mail that comes during a session is seen too.
func mailWaits(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/a", "1"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	release(t, b)
	put(t, s, text("/b/c", "2"))
	take(t, nextIs(t, session, "/b/c"), "2", 1)
}

func fieldsTravel(t *testing.T, p Place) {
	s := open(t, p)
	sent := mailbox.Mail{
		Address: "/käfig/42 x.*>", ID: "id-1", Priority: mailbox.High,
		Expires: time.Unix(2_000_000_000, 5), From: "/sender", Flow: "flow-7", Hop: 3, ReplyTo: "there#9",
		Encoding: "json", Body: []byte("\x00\xff{}\r\n"),
	}
	before := time.Now().Add(-time.Second)
	put(t, s, sent)
	d := fetch(t, next(t, serve(t, s)), 1)[0]
	if !d.Expires.Equal(sent.Expires) {
		t.Errorf("Expires is %v, want %v", d.Expires, sent.Expires)
	}
	if d.Put.Before(before) || d.Put.After(time.Now().Add(time.Second)) {
		t.Errorf("Put is %v, it is now %v", d.Put, time.Now())
	}
	if d.Count != 1 || d.Redelivered() {
		t.Errorf("Count is %d, want 1", d.Count)
	}
	d.Expires = sent.Expires
	if !reflect.DeepEqual(d.Mail, sent) {
		t.Errorf("fetched\n%+v, want\n%+v", d.Mail, sent)
	}
}

// order: what is put in order is fetched in order, also while it is put.
func order(t *testing.T, p Place) {
	const all = 300
	s := open(t, p)
	go func() {
		for i := range all {
			if err := s.Put(context.WithoutCancel(t.Context()), text("/a", numbered(i))); err != nil {
				t.Error("Put:", err)
				return
			}
		}
	}()
	b := nextIs(t, serve(t, s), "/a")
	for n := 0; n < all; {
		for _, d := range fetch(t, b, 7) {
			if string(d.Body) != numbered(n) || d.Count != 1 {
				t.Fatalf("fetched %q with count %d, want %q", d.Body, d.Count, numbered(n))
			}
			settle(t, b, mailbox.Outcome{Key: d.Key})
			n++
		}
	}
}

// oneOwner: an address belongs to one session at a time.
func oneOwner(t *testing.T, p Place) {
	s := open(t, p)
	first, second := serve(t, s), serve(t, s)
	put(t, s, text("/a", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	type claim struct {
		box mailbox.Box
		err error
	}
	claims := make(chan claim, 2)
	for _, session := range []mailbox.Session{first, second} {
		go func() {
			b, err := session.Next(ctx)
			claims <- claim{b, err}
		}()
	}
	var c claim
	select {
	case c = <-claims:
	case <-time.After(patience):
		t.Fatal("Next returned to neither session")
	}
	if c.err != nil {
		t.Fatal("Next:", c.err)
	}
	take(t, c.box, "1", 1)
	put(t, s, text("/a", "2"))
	take(t, c.box, "2", 1)
	cancel()
	if other := <-claims; other.err == nil {
		t.Errorf("%s was given to two sessions", other.box.Address())
	}
}

// wakeOnce: an empty Fetch is followed by one call of wake, and a wake that was
// replaced is not called.
func wakeOnce(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/a", "1"))
	b := nextIs(t, serve(t, s), "/a")
	take(t, b, "1", 1)
	old := none(t, b)
	if n, err := b.Fetch(make([]mailbox.Delivery, 1), nil); n != 0 || err != nil {
		t.Fatalf("Fetch without a wake returned %d, %v; want nothing", n, err)
	}
	woken := none(t, b)
	put(t, s, text("/a", "2"))
	await(t, "the wake", woken)
	put(t, s, text("/a", "3"))
	take(t, b, "2", 1)
	take(t, b, "3", 1)
	if len(woken) != 0 || len(old) != 0 {
		t.Errorf("wake was called %d more times, the replaced one %d times", len(woken), len(old))
	}
}

// window: no more is fetched than the session asked for, until some is settled.
func window(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2", "3")...)
	session, err := s.Serve(t.Context(), mailbox.Serving{Window: 2})
	if err != nil {
		t.Fatal(err)
	}
	b := nextIs(t, session, "/a")
	got := fetch(t, b, 5)
	for len(got) < 2 {
		got = append(got, fetch(t, b, 5)...)
	}
	if len(got) != 2 {
		t.Fatalf("fetched %d with a window of 2", len(got))
	}
	woken := none(t, b)
	settle(t, b, mailbox.Outcome{Key: got[0].Key})
	await(t, "the wake", woken)
	take(t, b, "3", 1)
}

// accept: a session is not given what it does not accept.
func accept(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/no", "waits"), text("/yes", "1"))
	session, err := s.Serve(t.Context(), mailbox.Serving{Accept: func(a string) bool { return a != "/no" }})
	if err != nil {
		t.Fatal(err)
	}
	take(t, nextIs(t, session, "/yes"), "1", 1)
	quiet(t, s, session)
	session.Close()
	take(t, nextIs(t, serve(t, s), "/no"), "waits", 1)
}

// releaseGivesBack: what is not settled goes back as if it had not been fetched.
func releaseGivesBack(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2", "3")...)
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	stale := one(t, b, "2", 1)
	release(t, b)
	again := nextIs(t, session, "/a")
	_, err := b.Fetch(make([]mailbox.Delivery, 1), func() {})
	wantErr(t, "Fetch after Release", err, mailbox.ErrLost)
	wantErr(t, "Settle after Release", b.Settle([]mailbox.Outcome{{Key: stale.Key}}), mailbox.ErrLost)
	wantErr(t, "Release after Release", b.Release(0), mailbox.ErrLost)
	take(t, again, "2", 1)
	take(t, again, "3", 1)
}

func releaseForLater(t *testing.T, p Place) {
	const rest = 50 * time.Millisecond
	s := open(t, p)
	put(t, s, text("/a", "1"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	start := time.Now()
	if err := b.Release(rest); err != nil {
		t.Fatal(err)
	}
	put(t, s, text("/a", "2"))
	again := nextIs(t, session, "/a")
	if past := time.Since(start); past < rest {
		t.Errorf("Next returned a box %v after it was released for %v", past, rest)
	}
	take(t, again, "1", 1)
	take(t, again, "2", 1)
}

func sessionCloseGivesBack(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	one(t, b, "2", 1)
	if err := session.Close(); err != nil {
		t.Fatal("Close:", err)
	}
	if err := session.Close(); err != nil {
		t.Error("second Close:", err)
	}
	_, err := b.Fetch(make([]mailbox.Delivery, 1), func() {})
	wantErr(t, "Fetch after the session was closed", err, mailbox.ErrLost)
	_, err = session.Next(limited(t))
	wantErr(t, "Next after the session was closed", err, mailbox.ErrClosed)
	take(t, nextIs(t, serve(t, s), "/a"), "2", 1)
}

func contextEndsSession(t *testing.T, p Place) {
	s := open(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	session, err := s.Serve(ctx, mailbox.Serving{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, text("/a", "1"))
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	woken := none(t, b)
	cancel()
	await(t, "the wake at the end of the session", woken)
	_, err = session.Next(limited(t))
	wantErr(t, "Next", err, mailbox.ErrClosed)
	put(t, s, text("/a", "2"))
	take(t, nextIs(t, serve(t, s), "/a"), "2", 1)
}

func nextEndsWithContext(t *testing.T, p Place) {
	s := open(t, p)
	session := serve(t, s)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err := session.Next(ctx)
	wantErr(t, "Next", err, why)
}

func closedStore(t *testing.T, p Place) {
	s := open(t, p)
	session := serve(t, s)
	returned := make(chan error)
	go func() {
		_, err := session.Next(context.WithoutCancel(t.Context()))
		returned <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal("Close:", err)
	}
	wantErr(t, "Next during Close", <-returned, mailbox.ErrClosed)
	ctx := limited(t)
	wantErr(t, "Put", s.Put(ctx, text("/a", "1")), mailbox.ErrClosed)
	_, err := s.Serve(ctx, mailbox.Serving{})
	wantErr(t, "Serve", err, mailbox.ErrClosed)
	wantErr(t, "Stop", s.Addresses().Stop(ctx, "/a"), mailbox.ErrClosed)
	_, err = s.Addresses().List(ctx, mailbox.Query{})
	wantErr(t, "Addresses.List", err, mailbox.ErrClosed)
	_, err = s.DeadLetters().List(ctx, mailbox.Query{})
	wantErr(t, "DeadLetters.List", err, mailbox.ErrClosed)
	if err := s.Close(); err != nil {
		t.Error("second Close:", err)
	}
}
