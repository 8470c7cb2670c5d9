package mailboxtest

import (
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// retryKeepsPlace: a failed mail comes again before those behind it, with a
// higher count.
func retryKeepsPlace(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	for count := 1; count <= 3; count++ {
		d := one(t, b, "1", count)
		settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Retry})
	}
	release(t, b)
	b = nextIs(t, session, "/a")
	take(t, b, "1", 4)
	take(t, b, "2", 1)
}

// retryWaits: a mail that is to come again later holds up those behind it.
func retryWaits(t *testing.T, p Place) {
	const wait = 50 * time.Millisecond
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	b := nextIs(t, serve(t, s), "/a")
	d := one(t, b, "1", 1)
	at := time.Now().Add(wait)
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Retry, At: at})
	d = one(t, b, "1", 2)
	if early := time.Until(at); early > time.Millisecond {
		t.Errorf("it came %v too early", early)
	}
	settle(t, b, mailbox.Outcome{Key: d.Key})
	take(t, b, "2", 1)
}

// redeliveryComesAlone: what may have been delivered before is the only one that
// is out.
func redeliveryComesAlone(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2", "3")...)
	b := nextIs(t, serve(t, s), "/a")
	d := one(t, b, "1", 1)
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Retry})
	got := fetch(t, b, 8)
	if len(got) != 1 || got[0].Count != 2 || !got[0].Redelivered() {
		t.Fatalf("fetched %d, the first with count %d; want one with count 2", len(got), got[0].Count)
	}
	woken := none(t, b)
	settle(t, b, mailbox.Outcome{Key: got[0].Key})
	await(t, "the wake", woken)
	take(t, b, "2", 1)
	take(t, b, "3", 1)
}

func asideLetsOthersPass(t *testing.T, p Place) {
	const wait = 50 * time.Millisecond
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	b := nextIs(t, serve(t, s), "/a")
	d := one(t, b, "1", 1)
	at := time.Now().Add(wait)
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Aside, At: at})
	take(t, b, "2", 1)
	d = one(t, b, "1", 2)
	if early := time.Until(at); early > time.Millisecond {
		t.Errorf("it came %v too early", early)
	}
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Aside})
	take(t, b, "1", 3)
}

// untouched: what was fetched and not begun goes back, and does not count.
func untouched(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2", "3")...)
	b := nextIs(t, serve(t, s), "/a")
	one, two := one(t, b, "1", 1), one(t, b, "2", 1)
	settle(t, b,
		mailbox.Outcome{Key: one.Key, Verdict: mailbox.Retry},
		mailbox.Outcome{Key: two.Key, Verdict: mailbox.Untouched})
	take(t, b, "1", 2)
	take(t, b, "2", 1)
	take(t, b, "3", 1)
}

// settleTwice: the first outcome counts, and a key that never was does no harm.
func settleTwice(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	d := one(t, b, "1", 1)
	settle(t, b, mailbox.Outcome{Key: d.Key})
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Retry},
		mailbox.Outcome{Key: 1<<63 + 12345})
	take(t, b, "2", 1)
	flush(t, session)
	if st := status(t, s, "/a"); st.Waiting != 0 {
		t.Errorf("%d mails left, want 0", st.Waiting)
	}
}

// delayed: mail is not delivered before it is due, and does not hold up others.
func delayed(t *testing.T, p Place) {
	const wait = 60 * time.Millisecond
	s := open(t, p)
	due := time.Now().Add(wait)
	late := text("/a", "late")
	late.Due = due
	put(t, s, late)
	session := serve(t, s)
	if st := status(t, s, "/a"); time.Now().Before(due) && (st.Waiting != 1 || st.Delayed != 1 || !st.Oldest.IsZero()) {
		t.Errorf("Status is %+v, want one that waits and is delayed", st)
	}
	put(t, s, text("/a", "now"))
	b := nextIs(t, session, "/a")
	take(t, b, "now", 1)
	if time.Now().Before(due) {
		release(t, b)
		b = nextIs(t, session, "/a")
	}
	take(t, b, "late", 1)
	if early := time.Until(due); early > time.Millisecond {
		t.Errorf("it came %v too early", early)
	}
}

// delayedOrder: delayed mail comes in the order in which it is due, and wakes the
// owner.
func delayedOrder(t *testing.T, p Place) {
	s := open(t, p)
	now := time.Now()
	var mail []mailbox.Mail
	for _, x := range []struct {
		body string
		wait time.Duration
	}{{"3", 90 * time.Millisecond}, {"1", 30 * time.Millisecond}, {"2", 60 * time.Millisecond}} {
		m := text("/a", x.body)
		m.Due = now.Add(x.wait)
		mail = append(mail, m)
	}
	past := text("/a", "0")
	past.Due = now.Add(-time.Hour)
	put(t, s, append(mail, past)...)
	b := nextIs(t, serve(t, s), "/a")
	for _, body := range []string{"0", "1", "2", "3"} {
		take(t, b, body, 1)
	}
}

// dueAtOnce: mail that is due when it is put, or a moment later, wakes an owner who
// waits.
func dueAtOnce(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/a", "first"))
	b := nextIs(t, serve(t, s), "/a")
	take(t, b, "first", 1)
	for _, wait := range []time.Duration{-time.Hour, -time.Millisecond, 0, time.Millisecond} {
		woken := none(t, b)
		m := text("/a", wait.String())
		m.Due = time.Now().Add(wait)
		put(t, s, m)
		await(t, "the wake for mail that is due", woken)
		take(t, b, wait.String(), 1)
	}
}

// priorities: mail of a higher priority that waits goes first; within one the
// order stays.
func priorities(t *testing.T, p Place) {
	s := open(t, p)
	var mail []mailbox.Mail
	for _, x := range []struct {
		body     string
		priority mailbox.Priority
	}{{"e", mailbox.Low}, {"c", mailbox.Normal}, {"a", mailbox.High}, {"d", mailbox.Normal}, {"b", mailbox.High}, {"f", mailbox.Low}} {
		m := text("/a", x.body)
		m.Priority = x.priority
		mail = append(mail, m)
	}
	put(t, s, mail...)
	b := nextIs(t, serve(t, s), "/a")
	for _, body := range []string{"a", "b", "c"} {
		take(t, b, body, 1)
	}
	urgent := text("/a", "x")
	urgent.Priority = mailbox.High
	put(t, s, urgent)
	for _, body := range []string{"x", "d", "e", "f"} {
		take(t, b, body, 1)
	}
}

// duplicates: the same ID at the same address is one mail, also when the first was
// handled; at another address it is another.
func duplicates(t *testing.T, p Place) {
	s := open(t, p)
	id := func(address, id, body string) mailbox.Mail {
		m := text(address, body)
		m.ID = id
		return m
	}
	put(t, s, id("/a", "x", "1"), id("/a", "x", "again"))
	put(t, s, id("/a", "x", "again"))
	put(t, s, id("/a", "y", "2"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	take(t, b, "2", 1)
	flush(t, session)
	put(t, s, id("/a", "x", "again"), text("/a", "3"), text("/a", "3"))
	take(t, b, "3", 1)
	take(t, b, "3", 1)
	release(t, b)
	put(t, s, id("/b", "x", "elsewhere"))
	take(t, nextIs(t, session, "/b"), "elsewhere", 1)
}
