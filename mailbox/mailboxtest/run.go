package mailboxtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// A Place is where one test's mail lies: empty at first, and nobody else's.
type Place struct {
	// Open opens the store. It is called again after Crash or Close, and then
	// finds what is there.
	Open func(t *testing.T) mailbox.Store

	// Crash ends a store as if its program had been killed: without any of
	// what Close does. Nil if mail lies in memory; the store is then opened once.
	Crash func(t *testing.T, s mailbox.Store)

	// Shared says that Open may be called while the store is open, as by
	// another program.
	Shared bool

	// Lose makes a store lose the addresses it owns without hearing of it,
	// as if its program had been suspended until its leases were over. Nil
	// if that cannot happen.
	Lose func(t *testing.T, s mailbox.Store)

	// MarksAhead says that a crash may also count against mail that is put
	// soon after it.
	MarksAhead bool

	// LargeBody is the size of a body that the store does not take any more;
	// zero if there is none. One of a MiB has to be taken.
	LargeBody int

	// NoDropOldest says that Put returns ErrUnsupported for
	// troupe.DropOldest.
	NoDropOldest bool
}

// Run runs all tests. newPlace is called once for each of them.
func Run(t *testing.T, newPlace func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, p Place)
	}{
		{"G71_MailWaits", mailWaits},
		{"FieldsTravel", fieldsTravel},
		{"G70_Order", order},
		{"OneOwner", oneOwner},
		{"WakeOnce", wakeOnce},
		{"Window", window},
		{"Accept", accept},
		{"ReleaseGivesBack", releaseGivesBack},
		{"ReleaseForLater", releaseForLater},
		{"SessionCloseGivesBack", sessionCloseGivesBack},
		{"ContextEndsSession", contextEndsSession},
		{"NextEndsWithContext", nextEndsWithContext},
		{"ClosedStore", closedStore},
		{"G70_RetryKeepsPlace", retryKeepsPlace},
		{"RetryWaits", retryWaits},
		{"G70_RedeliveryComesAlone", redeliveryComesAlone},
		{"AsideLetsOthersPass", asideLetsOthersPass},
		{"Untouched", untouched},
		{"SettleTwice", settleTwice},
		{"Delayed", delayed},
		{"DelayedOrder", delayedOrder},
		{"DueAtOnce", dueAtOnce},
		{"Priorities", priorities},
		{"Duplicates", duplicates},
		{"StopAndStart", stopAndStart},
		{"StartEndsRest", startEndsRest},
		{"StopWakesOwner", stopWakesOwner},
		{"StopBeforeMail", stopBeforeMail},
		{"G70_DeadLetters", deadLetters},
		{"DeadLetterPages", deadLetterPages},
		{"G23_Refuse", refuse},
		{"G23_Block", block},
		{"G23_DropNewest", dropNewest},
		{"G23_DropOldest", dropOldest},
		{"Sizes", sizes},
		{"Addresses", badAddresses},
		{"ManyAddresses", manyAddresses},
		{"NothingLeft", nothingLeft},
		{"ConcurrentProducers", concurrentProducers},
		{"ConcurrentSessions", concurrentSessions},
		{"G70_Crash", crash},
		{"G70_CrashAfterFlush", crashAfterFlush},
		{"G70_CrashFindsPoison", crashFindsPoison},
		{"CrashKeepsTheRest", crashKeepsTheRest},
		{"CloseKeepsMail", closeKeepsMail},
		{"TwoPrograms", twoPrograms},
		{"TakeOver", takeOver},
		{"StopElsewhere", stopElsewhere},
		{"Fenced", fenced},
		{"Ledger", ledger},
		{"LedgerAllOrNothing", ledgerAllOrNothing},
		{"LedgerCrash", ledgerCrash},
		{"Answers", answers},
		{"G70_Walk", walk},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newPlace(t)) })
	}
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

func open(t *testing.T, p Place) mailbox.Store {
	t.Helper()
	s := p.Open(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func serve(t *testing.T, s mailbox.Store) mailbox.Session {
	t.Helper()
	session, err := s.Serve(t.Context(), mailbox.Serving{})
	if err != nil {
		t.Fatal("Serve:", err)
	}
	return session
}

func put(t *testing.T, s mailbox.Store, mail ...mailbox.Mail) {
	t.Helper()
	if err := s.Put(limited(t), mail...); err != nil {
		t.Fatal("Put:", err)
	}
}

// text is mail whose body is a text, for stores of values and of bytes.
func text(address, body string) mailbox.Mail {
	return mailbox.Mail{Address: address, Body: []byte(body)}
}

func texts(bodies ...string) (mail []mailbox.Mail) {
	for _, b := range bodies {
		mail = append(mail, text("/a", b))
	}
	return mail
}

// next waits for a box.
func next(t *testing.T, s mailbox.Session) mailbox.Box {
	t.Helper()
	b, err := s.Next(limited(t))
	if err != nil {
		t.Fatal("Next:", err)
	}
	return b
}

// nextIs waits for a box and checks whose it is.
func nextIs(t *testing.T, s mailbox.Session, address string) mailbox.Box {
	t.Helper()
	b := next(t, s)
	if b.Address() != address {
		t.Fatalf("Next returned %s, want %s", b.Address(), address)
	}
	return b
}

// fetch waits until there is mail in the box and fetches up to n.
func fetch(t *testing.T, b mailbox.Box, n int) []mailbox.Delivery {
	t.Helper()
	into := make([]mailbox.Delivery, n)
	deadline := time.After(patience)
	for {
		woken := make(chan struct{})
		got, err := b.Fetch(into, func() { close(woken) })
		if err != nil {
			t.Fatal("Fetch:", err)
		}
		if got > 0 {
			return into[:got]
		}
		select {
		case <-woken:
		case <-deadline:
			t.Fatalf("%s: no mail came", b.Address())
		}
	}
}

// one fetches one delivery and checks its body and its count.
func one(t *testing.T, b mailbox.Box, body string, count int) mailbox.Delivery {
	t.Helper()
	d := fetch(t, b, 1)[0]
	if string(d.Body) != body || d.Count != count {
		t.Fatalf("%s: fetched %q with count %d, want %q with count %d", b.Address(), d.Body, d.Count, body, count)
	}
	return d
}

// none checks that there is nothing to fetch now.
func none(t *testing.T, b mailbox.Box) (woken chan struct{}) {
	t.Helper()
	woken = make(chan struct{}, 2)
	n, err := b.Fetch(make([]mailbox.Delivery, 1), func() { woken <- struct{}{} })
	if n != 0 || err != nil {
		t.Fatalf("%s: Fetch returned %d, %v; want nothing", b.Address(), n, err)
	}
	return woken
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal(what, "did not happen")
	}
}

func settle(t *testing.T, b mailbox.Box, outcomes ...mailbox.Outcome) {
	t.Helper()
	if err := b.Settle(outcomes); err != nil {
		t.Fatal("Settle:", err)
	}
}

// take fetches one delivery, checks it and settles it as handled.
func take(t *testing.T, b mailbox.Box, body string, count int) {
	t.Helper()
	d := one(t, b, body, count)
	settle(t, b, mailbox.Outcome{Key: d.Key})
}

func release(t *testing.T, b mailbox.Box) {
	t.Helper()
	if err := b.Release(0); err != nil {
		t.Fatal("Release:", err)
	}
}

func flush(t *testing.T, s mailbox.Session) {
	t.Helper()
	if err := s.Flush(limited(t)); err != nil {
		t.Fatal("Flush:", err)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s returned %v, want %v", what, got, want)
	}
}

func numbered(n int) string { return fmt.Sprintf("%04d", n) }

// status returns what the store knows of an address.
func status(t *testing.T, s mailbox.Store, address string) mailbox.Status {
	t.Helper()
	st, err := s.Addresses().Status(limited(t), address)
	if err != nil {
		t.Fatal("Status:", err)
	}
	return st
}

// quiet checks that mail put now, to an address of its own, is what comes next.
func quiet(t *testing.T, s mailbox.Store, session mailbox.Session) {
	t.Helper()
	put(t, s, text("/sentinel", "nothing else"))
	b := nextIs(t, session, "/sentinel")
	take(t, b, "nothing else", 1)
	release(t, b)
	flush(t, session)
}
