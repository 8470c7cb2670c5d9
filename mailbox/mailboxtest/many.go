package mailboxtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

func limitedTo(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// manyAddresses: each of many addresses comes once, lists come in pages and can
// be limited to a part of the tree.
func manyAddresses(t *testing.T, p Place) {
	const all = 500
	s := open(t, p)
	var mail []mailbox.Mail
	for i := range all {
		mail = append(mail, text(fmt.Sprintf("/user/%03d/inbox", i), numbered(i)))
	}
	put(t, s, mail...)
	put(t, s, text("/user", "x"), text("/users", "y"))
	totals, err := s.Addresses().Totals(limited(t))
	if want := (mailbox.Totals{Addresses: all + 2, Waiting: all + 2}); err != nil || totals != want {
		t.Errorf("Totals returned %+v, %v; want %+v", totals, err, want)
	}
	checkPages(t, s, all+1)
	session := serve(t, s)
	seen := make(map[string]bool)
	for range all + 2 {
		b := next(t, session)
		if seen[b.Address()] {
			t.Fatalf("%s came twice", b.Address())
		}
		seen[b.Address()] = true
		d := fetch(t, b, 2)
		settle(t, b, mailbox.Outcome{Key: d[0].Key})
		release(t, b)
	}
	flush(t, session)
	totals, err = s.Addresses().Totals(limited(t))
	if err != nil || totals != (mailbox.Totals{}) {
		t.Errorf("Totals returned %+v, %v at the end", totals, err)
	}
}

// checkPages lists what lies at and below /user.
func checkPages(t *testing.T, s mailbox.Store, want int) {
	t.Helper()
	q := mailbox.Query{Prefix: "/user", Limit: 64}
	n := 0
	for {
		page, err := s.Addresses().List(limited(t), q)
		if err != nil {
			t.Fatal("List:", err)
		}
		if len(page) == 0 {
			break
		}
		for _, st := range page {
			if st.Address <= q.After || !q.Covers(st.Address) || st.Waiting != 1 || st.Oldest.IsZero() {
				t.Fatalf("after %q came %+v", q.After, st)
			}
			q.After = st.Address
			n++
		}
	}
	if n != want {
		t.Errorf("listed %d addresses, want %d", n, want)
	}
}

// nothingLeft: an address whose mail was handled leaves nothing behind.
func nothingLeft(t *testing.T, p Place) {
	s := open(t, p)
	put(t, s, text("/a", "1"))
	session := serve(t, s)
	b := nextIs(t, session, "/a")
	take(t, b, "1", 1)
	release(t, b)
	flush(t, session)
	if st := status(t, s, "/a"); st != (mailbox.Status{Address: "/a"}) {
		t.Errorf("Status is %+v, want an empty one", st)
	}
	if list, err := s.Addresses().List(limited(t), mailbox.Query{}); len(list) != 0 || err != nil {
		t.Errorf("List returned %v, %v; want nothing", list, err)
	}
	put(t, s, text("/a", "2"))
	take(t, nextIs(t, session, "/a"), "2", 1)
}

// A ledger of what came, for tests with many senders and readers.
type tally struct {
	mu    sync.Mutex
	next  map[string]int // by address and sender, the number expected next
	total int
	all   int
	done  chan struct{}
}

func newTally(all int) *tally {
	return &tally{next: make(map[string]int), all: all, done: make(chan struct{})}
}

// note checks that each sender's mail to an address comes in order, once.
func (c *tally) note(t *testing.T, address string, body []byte) {
	var sender, number int
	if _, err := fmt.Sscanf(string(body), "%d %d", &sender, &number); err != nil {
		t.Errorf("%s: %q: %v", address, body, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprint(address, " ", sender)
	if number != c.next[key] {
		t.Errorf("%s: number %d of sender %d came, want %d", address, number, sender, c.next[key])
	}
	c.next[key] = number + 1
	if c.total++; c.total == c.all {
		close(c.done)
	}
}

// drain handles mail of a session until ctx ends.
func drain(ctx context.Context, t *testing.T, session mailbox.Session, c *tally) {
	buf := make([]mailbox.Delivery, 5)
	for {
		b, err := session.Next(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, mailbox.ErrClosed) {
				t.Error("Next:", err)
			}
			return
		}
		for {
			n, err := b.Fetch(buf, func() {})
			if err != nil {
				t.Errorf("%s: Fetch: %v", b.Address(), err)
				return
			}
			if n == 0 {
				break
			}
			for _, d := range buf[:n] {
				c.note(t, b.Address(), d.Body)
				if err := b.Settle([]mailbox.Outcome{{Key: d.Key}}); err != nil {
					t.Errorf("%s: Settle: %v", b.Address(), err)
				}
			}
		}
		if err := b.Release(0); err != nil {
			t.Errorf("%s: Release: %v", b.Address(), err)
		}
	}
}

func produce(t *testing.T, s mailbox.Store, senders, each, addresses int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			number := make([]int, addresses)
			for i := range each {
				to := (sender + i) % addresses
				m := text(fmt.Sprintf("/to/%d", to), fmt.Sprint(sender, number[to]))
				number[to]++
				if err := s.Put(context.WithoutCancel(t.Context()), m); err != nil {
					t.Error("Put:", err)
				}
			}
		})
	}
	return &wg
}

// concurrentProducers: many senders, each in order, each mail once.
func concurrentProducers(t *testing.T, p Place) {
	const senders, each = 16, 60
	s := open(t, p)
	c := newTally(senders * each)
	session := serve(t, s)
	var readers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		readers.Go(func() { drain(ctx, t, session, c) })
	}
	produce(t, s, senders, each, 8).Wait()
	await(t, "the last mail", c.done)
	cancel()
	readers.Wait()
	flush(t, session)
}

// concurrentSessions: the same with several sessions, some of which end.
func concurrentSessions(t *testing.T, p Place) {
	const senders, each = 8, 60
	s := open(t, p)
	c := newTally(senders * each)
	var readers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		session := serve(t, s)
		readers.Go(func() { drain(ctx, t, session, c) })
	}
	produce(t, s, senders, each, 5).Wait()
	await(t, "the last mail", c.done)
	cancel()
	readers.Wait()
	seen := maps.Clone(c.next)
	if len(seen) != senders*5 {
		t.Errorf("mail of %d senders and addresses came, want %d", len(seen), senders*5)
	}
}
