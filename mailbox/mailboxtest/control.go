package mailboxtest

import (
	"bytes"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// stopAndStart: the mail of a stopped address waits, whatever comes, until it is
// started.
func stopAndStart(t *testing.T, p Place) {
	s := open(t, p)
	ctx := limited(t)
	put(t, s, text("/a", "1"))
	for range 2 {
		if err := s.Addresses().Stop(ctx, "/a"); err != nil {
			t.Fatal("Stop:", err)
		}
	}
	session := serve(t, s)
	put(t, s, text("/a", "2"))
	quiet(t, s, session)
	if st := status(t, s, "/a"); st.Waiting != 2 || !st.Stopped {
		t.Errorf("Status is %+v, want 2 waiting at a stopped address", st)
	}
	for range 2 {
		if err := s.Addresses().Start(ctx, "/a"); err != nil {
			t.Fatal("Start:", err)
		}
	}
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	take(t, b, "2", 1)
	flush(t, session)
	if st := status(t, s, "/a"); st != (mailbox.Status{Address: "/a"}) {
		t.Errorf("Status is %+v, want an empty one", st)
	}
}

// startEndsRest: who starts an address does not wait until it has rested.
func startEndsRest(t *testing.T, p Place) {
	if p.Shared {
		t.Skip("it may rest in another program")
	}
	s := open(t, p)
	put(t, s, text("/a", "1"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	if err := b.Release(10 * patience); err != nil {
		t.Fatal("Release:", err)
	}
	quiet(t, s, session)
	if err := s.Addresses().Start(limited(t), "/a"); err != nil {
		t.Fatal("Start:", err)
	}
	take(t, nextIs(t, session, "/a"), "1", 1)
}

// stopWakesOwner: who waits for mail hears of the stop, and what was fetched may
// still be settled.
func stopWakesOwner(t *testing.T, p Place) {
	s := open(t, p)
	ctx := limited(t)
	put(t, s, text("/a", "1"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	d := one(t, b, "1", 1)
	woken := none(t, b)
	if err := s.Addresses().Stop(ctx, "/a"); err != nil {
		t.Fatal(err)
	}
	await(t, "the wake at the stop", woken)
	put(t, s, text("/a", "2"))
	_, err := b.Fetch(make([]mailbox.Delivery, 1), func() {})
	wantErr(t, "Fetch", err, mailbox.ErrStopped)
	settle(t, b, mailbox.Outcome{Key: d.Key})
	release(t, b)
	quiet(t, s, session)
	if err := s.Addresses().Start(ctx, "/a"); err != nil {
		t.Fatal(err)
	}
	take(t, nextIs(t, session, "/a"), "2", 1)
}

// stopBeforeMail: an address can be stopped that never had mail.
func stopBeforeMail(t *testing.T, p Place) {
	s := open(t, p)
	ctx := limited(t)
	if err := s.Addresses().Stop(ctx, "/a"); err != nil {
		t.Fatal(err)
	}
	session := serve(t, s)
	put(t, s, text("/a", "1"))
	quiet(t, s, session)
	list, err := s.Addresses().List(ctx, mailbox.Query{})
	if err != nil || len(list) != 1 || list[0].Address != "/a" || !list[0].Stopped || list[0].Waiting != 1 {
		t.Errorf("List returned %+v, %v; want /a, stopped, with one mail", list, err)
	}
	if err := s.Addresses().Start(ctx, "/a"); err != nil {
		t.Fatal(err)
	}
	take(t, nextIs(t, session, "/a"), "1", 1)
}

// deadLetters: what is given up is listed with the reason, and can be replayed
// and purged.
func deadLetters(t *testing.T, p Place) {
	s := open(t, p)
	ctx := limited(t)
	m := text("/a", "poison")
	m.ID, m.Flow = "p", "f"
	put(t, s, m, text("/a", "2"), text("/b", "rotten"))
	session := serve(t, s)
	for range 2 {
		b := next(t, session)
		d := fetch(t, b, 1)[0]
		settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Dead, Reason: "cannot be eaten"})
		if b.Address() == "/a" {
			take(t, b, "2", 1)
		}
		release(t, b)
	}
	flush(t, session)
	list, err := s.DeadLetters().List(ctx, mailbox.Query{Prefix: "/a"})
	if err != nil || len(list) != 1 {
		t.Fatalf("List returned %d letters, %v; want one", len(list), err)
	}
	d := list[0]
	if string(d.Body) != "poison" || d.Reason != "cannot be eaten" || d.Count != 1 || d.ID != "p" || d.Flow != "f" ||
		d.Address != "/a" || d.Put.IsZero() || d.Died.Before(d.Put.Add(-time.Second)) {
		t.Errorf("the dead letter is %+v", d)
	}
	if n, err := s.DeadLetters().Replay(ctx, d.Key, "no such key"); n != 1 || err != nil {
		t.Errorf("Replay returned %d, %v; want 1", n, err)
	}
	b := nextIs(t, session, "/a")
	take(t, b, "poison", 1)
	list, _ = s.DeadLetters().List(ctx, mailbox.Query{})
	if len(list) != 1 || string(list[0].Body) != "rotten" {
		t.Fatalf("%d dead letters left, want the rotten one", len(list))
	}
	if n, err := s.DeadLetters().Purge(ctx, list[0].Key); n != 1 || err != nil {
		t.Errorf("Purge returned %d, %v; want 1", n, err)
	}
	if totals, err := s.Addresses().Totals(ctx); err != nil || totals.DeadLetters != 0 {
		t.Errorf("Totals returned %+v, %v; want no dead letters", totals, err)
	}
}

// deadLetterPages: a long list comes in pages, oldest first.
func deadLetterPages(t *testing.T, p Place) {
	const all = 25
	s := open(t, p)
	for i := range all {
		put(t, s, text("/a", numbered(i)))
	}
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	for i := range all {
		d := one(t, b, numbered(i), 1)
		settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Dead, Reason: "no"})
	}
	flush(t, session)
	q := mailbox.Query{Limit: 10}
	n := 0
	for range all {
		page, err := s.DeadLetters().List(limited(t), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			if string(d.Body) != numbered(n) {
				t.Fatalf("letter %d is %q", n, d.Body)
			}
			n++
		}
		if len(page) == 0 {
			break
		}
		q.After = page[len(page)-1].Key
	}
	if n != all {
		t.Errorf("listed %d letters, want %d", n, all)
	}
}

// bounded is mail to /a with a limit of n.
func bounded(body string, n int, full troupe.Overflow) mailbox.Mail {
	m := text("/a", body)
	m.Limit, m.Full = n, full
	return m
}

func refuse(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, bounded("1", 2, troupe.Refuse))
	put(t, s, bounded("2", 2, troupe.Refuse))
	err := s.Put(limited(t), bounded("3", 2, troupe.Refuse))
	wantErr(t, "Put to a full address", err, mailbox.ErrFull)
	wantErr(t, "Put to a full address", err, troupe.ErrMailboxFull)
	put(t, s, text("/a", "without limit"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	for _, body := range []string{"1", "2", "without limit"} {
		take(t, b, body, 1)
	}
	flush(t, session)
	put(t, s, bounded("4", 2, troupe.Refuse))
	take(t, b, "4", 1)
}

// block: a sender waits for room, and no longer than its context.
func block(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, bounded("1", 1, troupe.Block))
	ctx, cancel := limitedTo(t, 20*time.Millisecond)
	defer cancel()
	if err := s.Put(ctx, bounded("never", 1, troupe.Block)); err == nil {
		t.Error("Put to a full address returned before its context ended")
	}
	done := make(chan error, 1)
	go func() { done <- s.Put(limited(t), bounded("2", 1, troupe.Block)) }()
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	take(t, b, "2", 1)
	if err := <-done; err != nil {
		t.Error("Put:", err)
	}
	flush(t, session)
	put(t, s, bounded("3", 1, troupe.Block))
	take(t, b, "3", 1)
}

func dropNewest(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, bounded("1", 1, troupe.DropNewest))
	put(t, s, bounded("2", 1, troupe.DropNewest))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	dropped(t, s, "2")
	put(t, s, text("/a", "3"))
	take(t, b, "3", 1)
}

func dropOldest(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, bounded("1", 1, troupe.DropOldest))
	err := s.Put(limited(t), bounded("2", 1, troupe.DropOldest))
	if p.NoDropOldest {
		wantErr(t, "Put", err, mailbox.ErrUnsupported)
		return
	}
	if err != nil {
		t.Fatal("Put:", err)
	}
	b := nextIs(t, serve(t, s), "/a")
	take(t, b, "2", 1)
	dropped(t, s, "1")
}

// dropped checks that a mail was dropped and is a dead letter.
func dropped(t *testing.T, s mailbox.Store, body string) {
	t.Helper()
	list, err := s.DeadLetters().List(limited(t), mailbox.Query{})
	if err != nil || len(list) != 1 || string(list[0].Body) != body || list[0].Reason != mailbox.ErrFull.Error() {
		t.Errorf("dead letters are %+v, %v; want %q because it was full", list, err, body)
	}
}

// sizes: a body of a MiB goes through; one that is too large is refused, and
// nothing else suffers.
func sizes(t *testing.T, p Place) {
	s := open(t, p)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	put(t, s, text("/a", ""), mailbox.Mail{Address: "/a", Body: large}, text("/a", "small"))
	if p.LargeBody > 0 {
		huge := bytes.Repeat([]byte{1}, p.LargeBody)
		err := s.Put(limited(t), mailbox.Mail{Address: "/a", Body: huge})
		wantErr(t, "Put of a huge mail", err, mailbox.ErrTooLarge)
	}
	put(t, s, text("/a", "after"))
	b := nextIs(t, serve(t, s), "/a")
	take(t, b, "", 1)
	take(t, b, string(large), 1)
	take(t, b, "small", 1)
	take(t, b, "after", 1)
}

func badAddresses(t *testing.T, p Place) {
	s := open(t, p)
	for _, address := range []string{"", "/", "a", "/a/", "//a", "/a//b", "/a\x00", "/a\n", "/\xff", "/" + string(bytes.Repeat([]byte{'x'}, mailbox.MaxAddress))} {
		wantErr(t, "Put to "+address, s.Put(limited(t), text(address, "1")), mailbox.ErrAddress)
	}
	longest := "/" + string(bytes.Repeat([]byte{'x'}, mailbox.MaxAddress-1))
	put(t, s, text(longest, "1"))
	take(t, nextIs(t, serve(t, s), longest), "1", 1)
}
