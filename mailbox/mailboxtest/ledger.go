package mailboxtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

func produceAs(t *testing.T, s mailbox.Store, first, senders, each int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for sender := first; sender < first+senders; sender++ {
		wg.Go(func() {
			for i := range each {
				m := text(fmt.Sprintf("/to/%d", sender%5), fmt.Sprint(sender, i))
				if err := s.Put(context.WithoutCancel(t.Context()), m); err != nil {
					t.Error("Put:", err)
				}
			}
		})
	}
	return &wg
}

// book returns the box as a Ledger, or skips the test.
func book(t *testing.T, b mailbox.Box) mailbox.Ledger {
	t.Helper()
	l, ok := b.(mailbox.Ledger)
	if !ok {
		t.Skip("its boxes keep no state")
	}
	return l
}

func commit(t *testing.T, l mailbox.Ledger, c mailbox.Commit) {
	t.Helper()
	if err := l.Commit(limited(t), c); err != nil {
		t.Fatal("Commit:", err)
	}
}

func wantState(t *testing.T, l mailbox.Ledger, want string) {
	t.Helper()
	if got, err := l.State(limited(t)); string(got) != want || err != nil {
		t.Errorf("State returned %q, %v; want %q", got, err, want)
	}
}

// ledger: outcome, outgoing mail and state are there after a Commit; the state
// stays when the mail has gone.
func ledger(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/a", "1"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	l := book(t, b)
	wantState(t, l, "")
	d := one(t, b, "1", 1)
	commit(t, l, mailbox.Commit{
		Outcomes: []mailbox.Outcome{{Key: d.Key}},
		Mail:     []mailbox.Mail{text("/b", "2"), text("/a", "3")},
		State:    []byte("one"), SetState: true,
	})
	wantState(t, l, "one")
	if states, ok := s.(mailbox.States); ok {
		if got, err := states.State(limited(t), "/a"); string(got) != "one" || err != nil {
			t.Errorf("the store's State returned %q, %v; want one", got, err)
		}
	}
	take(t, b, "3", 1)
	release(t, b)
	b = nextIs(t, session, "/b")
	take(t, b, "2", 1)
	release(t, b)
	put(t, s, text("/a", "4"))
	b = nextIs(t, session, "/a")
	l = book(t, b)
	wantState(t, l, "one")
	d = one(t, b, "4", 1)
	commit(t, l, mailbox.Commit{Outcomes: []mailbox.Outcome{{Key: d.Key}}})
	wantState(t, l, "one")
	commit(t, l, mailbox.Commit{SetState: true})
	wantState(t, l, "")
}

// ledgerAllOrNothing: a Commit that cannot be done whole changes nothing.
func ledgerAllOrNothing(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/a", "1"), text("/full", "x"))
	session, err := s.Serve(t.Context(), mailbox.Serving{Accept: func(a string) bool { return a == "/a" }})
	if err != nil {
		t.Fatal(err)
	}
	b := nextIs(t, session, "/a")
	l := book(t, b)
	d := one(t, b, "1", 1)
	full := text("/full", "y")
	full.Limit, full.Full = 1, troupe.Refuse
	c := mailbox.Commit{
		Outcomes: []mailbox.Outcome{{Key: d.Key}},
		Mail:     []mailbox.Mail{text("/b", "2"), full},
		State:    []byte("one"), SetState: true,
	}
	wantErr(t, "Commit to a full address", l.Commit(limited(t), c), mailbox.ErrFull)
	c.Mail[1] = text("not an address", "y")
	wantErr(t, "Commit to no address", l.Commit(limited(t), c), mailbox.ErrAddress)
	wantState(t, l, "")
	if st := status(t, s, "/b"); st.Waiting != 0 {
		t.Error("mail of a Commit that failed was put")
	}
	settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Retry})
	take(t, b, "1", 2)
	release(t, b)
	wantErr(t, "Commit after Release", l.Commit(limited(t), mailbox.Commit{SetState: true}), mailbox.ErrLost)
}

// ledgerCrash: after a crash a Commit has happened, or not, but never half.
func ledgerCrash(t *testing.T, p Place) {
	volatile(t, p)
	s := open(t, p)
	put(t, s, texts("1", "2")...)
	b := nextIs(t, serve(t, s), "/a")
	l := book(t, b)
	d := one(t, b, "1", 1)
	commit(t, l, mailbox.Commit{
		Outcomes: []mailbox.Outcome{{Key: d.Key}},
		Mail:     []mailbox.Mail{text("/b", "from 1")},
		State:    []byte("one"), SetState: true,
	})
	one(t, b, "2", 1)
	p.Crash(t, s)

	s = open(t, p)
	session := serve(t, s)
	for range 2 {
		b := next(t, session)
		switch b.Address() {
		case "/a":
			wantState(t, book(t, b), "one")
			take(t, b, "2", 2)
		case "/b":
			take(t, b, "from 1", 1)
		}
	}
}

// answers: an answer reaches who listens, and one to nobody is no error.
func answers(t *testing.T, p Place) {
	s := open(t, p)
	a, ok := s.(mailbox.Answers)
	if !ok {
		t.Skip("it carries no answers")
	}
	asker, answerer := a, a
	if p.Shared {
		answerer = open(t, p).(mailbox.Answers)
	}
	came := make(chan mailbox.Answer, 2)
	ctx, cancel := context.WithCancel(t.Context())
	to, err := asker.Listen(ctx, func(a mailbox.Answer) { came <- a })
	if err != nil {
		t.Fatal("Listen:", err)
	}
	want := mailbox.Answer{Question: "q 1", Encoding: "json", Body: []byte("42")}
	if err := answerer.Answer(limited(t), to, want); err != nil {
		t.Fatal("Answer:", err)
	}
	failed := mailbox.Answer{Question: "q 2", Err: "no"}
	if err := answerer.Answer(limited(t), to, failed); err != nil {
		t.Fatal("Answer:", err)
	}
	for _, want := range []mailbox.Answer{want, failed} {
		select {
		case got := <-came:
			if got.Question != want.Question || got.Err != want.Err || string(got.Body) != string(want.Body) || got.Encoding != want.Encoding {
				t.Errorf("got %+v, want %+v", got, want)
			}
		case <-time.After(patience):
			t.Fatal("no answer came")
		}
	}
	cancel()
	if err := answerer.Answer(limited(t), to, failed); err != nil {
		t.Error("Answer to nobody:", err)
	}
}
