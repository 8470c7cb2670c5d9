package mailboxtest

import (
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// volatile skips a test about what remains.
func volatile(t *testing.T, p Place) {
	if p.Crash == nil {
		t.Skip("mail lies in memory")
	}
}

// crash: what was put and not settled comes again after a crash, in order,
// marked, one at a time; what was never fetched is not marked.
func crash(t *testing.T, p Place) {
	volatile(t, p)
	s := open(t, p)
	put(t, s, texts("1", "2", "3", "4")...)
	put(t, s, text("/b", "5"))
	session, err := s.Serve(t.Context(), mailbox.Serving{
		Window: 2, Accept: func(a string) bool { return a == "/a" },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := nextIs(t, session, "/a")
	one(t, b, "1", 1)
	one(t, b, "2", 1)
	p.Crash(t, s)

	s = open(t, p)
	session = serve(t, s)
	for range 2 {
		b := next(t, session)
		if b.Address() == "/b" {
			take(t, b, "5", 1)
			continue
		}
		for _, body := range []string{"1", "2"} {
			got := fetch(t, b, 4)
			if len(got) != 1 || string(got[0].Body) != body || got[0].Count != 2 {
				t.Fatalf("fetched %d, the first %q with count %d; want %q alone with count 2",
					len(got), got[0].Body, got[0].Count, body)
			}
			settle(t, b, mailbox.Outcome{Key: got[0].Key})
		}
		// What the store had fetched ahead by itself may be marked.
		for _, body := range []string{"3", "4"} {
			d := fetch(t, b, 1)[0]
			if string(d.Body) != body || d.Count > 2 {
				t.Fatalf("fetched %q with count %d, want %q with at most 2", d.Body, d.Count, body)
			}
			settle(t, b, mailbox.Outcome{Key: d.Key})
		}
	}
}

// crashAfterFlush: what was settled and flushed does not come again.
func crashAfterFlush(t *testing.T, p Place) {
	volatile(t, p)
	s := open(t, p)
	put(t, s, texts("handled", "dead", "later", "last")...)
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "handled", 1)
	d := one(t, b, "dead", 1)
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Dead, Reason: "bad"})
	d = one(t, b, "later", 1)
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Aside, At: time.Now().Add(30 * time.Millisecond)})
	flush(t, session)
	p.Crash(t, s)

	s = open(t, p)
	b = nextIs(t, serve(t, s), "/a")
	got := map[string]bool{}
	for range 2 {
		d := fetch(t, b, 1)[0]
		got[string(d.Body)] = true
		settle(t, b, mailbox.Outcome{Key: d.Key})
	}
	if !got["later"] || !got["last"] {
		t.Errorf("fetched %v, want later and last", got)
	}
	list, err := s.DeadLetters().List(limited(t), mailbox.Query{})
	if err != nil || len(list) != 1 || string(list[0].Body) != "dead" || list[0].Reason != "bad" {
		t.Errorf("dead letters are %+v, %v", list, err)
	}
}

// crashFindsPoison: when one mail crashes its reader again and again, its count
// rises, and that of those fetched with it does not.
func crashFindsPoison(t *testing.T, p Place) {
	volatile(t, p)
	s := open(t, p)
	put(t, s, texts("good", "poison", "behind")...)
	count := 0
	for range 4 {
		b := nextIs(t, serve(t, s), "/a")
		for crashed := false; !crashed; {
			for _, d := range fetch(t, b, 3) {
				if string(d.Body) != "poison" {
					settle(t, b, mailbox.Outcome{Key: d.Key})
					continue
				}
				if d.Count <= count {
					t.Fatalf("the poison has count %d after %d", d.Count, count)
				}
				count, crashed = d.Count, true
				break
			}
		}
		p.Crash(t, s)
		s = open(t, p)
	}
	if count < 4 {
		t.Errorf("the poison was delivered 4 times and has count %d", count)
	}
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	for {
		d := fetch(t, b, 3)[0]
		settle(t, b, mailbox.Outcome{Key: d.Key})
		switch string(d.Body) {
		case "behind":
			if d.Count > 2 {
				t.Errorf("mail behind the poison has count %d, want at most 2", d.Count)
			}
			return
		case "good":
			if d.Count > 5 {
				t.Errorf("mail before the poison has count %d", d.Count)
			}
		}
	}
}

// crashKeepsTheRest: IDs, delays, stops and priorities survive.
func crashKeepsTheRest(t *testing.T, p Place) {
	volatile(t, p)
	s := open(t, p)
	ctx := limited(t)
	due := time.Now().Add(80 * time.Millisecond)
	late := text("/late", "late")
	late.Due = due
	known := text("/known", "once")
	known.ID = "id"
	high := text("/prio", "high")
	high.Priority = mailbox.High
	put(t, s, late, known, text("/prio", "normal"), high, text("/stopped", "waits"))
	if err := s.Addresses().Stop(ctx, "/stopped"); err != nil {
		t.Fatal(err)
	}
	p.Crash(t, s)

	s = open(t, p)
	known.Body = []byte("twice")
	put(t, s, known)
	session := serve(t, s)
	for range 3 {
		b := next(t, session)
		switch b.Address() {
		case "/late":
			take(t, b, "late", 1)
			if early := time.Until(due); early > time.Millisecond {
				t.Errorf("delayed mail came %v too early", early)
			}
		case "/known":
			take(t, b, "once", 1)
		case "/prio":
			take(t, b, "high", 1)
			take(t, b, "normal", 1)
		default:
			t.Fatalf("Next returned %s", b.Address())
		}
		release(t, b)
	}
	quiet(t, s, session)
	if err := s.Addresses().Start(ctx, "/stopped"); err != nil {
		t.Fatal(err)
	}
	take(t, nextIs(t, session, "/stopped"), "waits", 1)
}

// closeKeepsMail: after a close in good order, what was fetched and not begun
// does not count.
func closeKeepsMail(t *testing.T, p Place) {
	volatile(t, p)
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	b := nextIs(t, serve(t, s), "/a")
	take(t, b, "1", 1)
	one(t, b, "2", 1)
	if err := s.Close(); err != nil {
		t.Fatal("Close:", err)
	}
	s = open(t, p)
	take(t, nextIs(t, serve(t, s), "/a"), "2", 1)
}

func shared(t *testing.T, p Place) {
	if !p.Shared {
		t.Skip("one program at a time")
	}
}

// twoPrograms: each mail is handled by one of two programs, in order.
func twoPrograms(t *testing.T, p Place) {
	shared(t, p)
	const senders, each = 8, 60
	stores := []mailbox.Store{open(t, p), open(t, p)}
	c := newTally(2 * senders * each)
	ctx, cancel := limitedTo(t, patience)
	defer cancel()
	done := make(chan struct{}, 2)
	for _, s := range stores {
		session := serve(t, s)
		go func() {
			drain(ctx, t, session, c)
			done <- struct{}{}
		}()
	}
	for i, s := range stores {
		go produceAs(t, s, i*senders, senders, each).Wait()
	}
	await(t, "the last mail", c.done)
	cancel()
	<-done
	<-done
}

// takeOver: when a program crashes, another gets what it had not settled, in
// order.
func takeOver(t *testing.T, p Place) {
	shared(t, p)
	volatile(t, p)
	dying, living := open(t, p), open(t, p)
	put(t, living, texts("1", "2", "3")...)
	b := nextIs(t, serve(t, dying), "/a")
	one(t, b, "1", 1)
	session := serve(t, living)
	p.Crash(t, dying)
	b = nextIs(t, session, "/a")
	take(t, b, "1", 2)
	for _, body := range []string{"2", "3"} {
		d := fetch(t, b, 1)[0]
		if string(d.Body) != body || d.Count > 2 {
			t.Fatalf("fetched %q with count %d, want %q", d.Body, d.Count, body)
		}
		settle(t, b, mailbox.Outcome{Key: d.Key})
	}
}

// stopElsewhere: a stop by another program reaches the owner.
func stopElsewhere(t *testing.T, p Place) {
	shared(t, p)
	here, there := open(t, p), open(t, p)
	put(t, here, text("/a", "1"))
	session := serve(t, here)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	woken := none(t, b)
	if err := there.Addresses().Stop(limited(t), "/a"); err != nil {
		t.Fatal(err)
	}
	await(t, "the wake", woken)
	_, err := b.Fetch(make([]mailbox.Delivery, 1), func() {})
	wantErr(t, "Fetch", err, mailbox.ErrStopped)
	release(t, b)
	put(t, here, text("/a", "2"))
	if err := there.Addresses().Start(limited(t), "/a"); err != nil {
		t.Fatal(err)
	}
	take(t, nextIs(t, session, "/a"), "2", 1)
}

// fenced: an owner that has lost an address cannot settle any more, and the new
// owner gets the mail.
func fenced(t *testing.T, p Place) {
	if p.Lose == nil {
		t.Skip("nobody loses an address")
	}
	slow, quick := open(t, p), open(t, p)
	put(t, slow, texts("1", "2")...)
	oldSession := serve(t, slow)
	old := nextIs(t, oldSession, "/a")
	d := one(t, old, "1", 1)
	session := serve(t, quick)
	p.Lose(t, slow)
	b := nextIs(t, session, "/a")
	again := one(t, b, "1", 2)
	await(t, "the news that the address is lost", old.Lost())
	err := old.Settle([]mailbox.Outcome{{Key: d.Key, Verdict: mailbox.Dead, Reason: "by the old owner"}})
	wantErr(t, "Settle by the old owner", err, mailbox.ErrLost)
	settle(t, b, mailbox.Outcome{Key: again.Key})
	flush(t, session)
	list, err := quick.DeadLetters().List(limited(t), mailbox.Query{})
	if err != nil || len(list) != 0 {
		t.Errorf("dead letters are %+v, %v; want none", list, err)
	}
	d = fetch(t, b, 1)[0]
	if string(d.Body) != "2" {
		t.Errorf("fetched %q, want 2", d.Body)
	}
}
