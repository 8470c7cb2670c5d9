package storm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// A Count is what is known of the letters of one test. Its methods may be called by any
// goroutine.
type Count struct {
	t testing.TB

	mu      sync.Mutex
	next    map[string]int // by address and sender: the number that comes next
	came    int            // letters, each counted once
	again   int            // deliveries beyond the first
	waiters map[chan struct{}]int

	hung chan struct{}
}

// New returns a Count that reports to t.
func New(t testing.TB) *Count {
	return &Count{t: t, next: map[string]int{}, waiters: map[chan struct{}]int{}, hung: make(chan struct{}, 1)}
}

// Send puts letters of one sender to some addresses in turn, one after the other. When
// Put returns an error it is called again, with the same ID, until ctx ends.
func (c *Count) Send(ctx context.Context, s mailbox.Store, sender, letters, addresses int) {
	number := make([]int, addresses)
	for i := range letters {
		to := (sender + i) % addresses
		body := fmt.Sprint(sender, number[to])
		number[to]++
		m := mailbox.Mail{Address: fmt.Sprintf("/to/%d", to), ID: body, Body: []byte(body)}
		for err := s.Put(ctx, m); err != nil; err = s.Put(ctx, m) {
			if ctx.Err() != nil {
				c.t.Errorf("sender %d put %d letters of %d: %v", sender, i, letters, err)
				return
			}
		}
	}
}

// Note notes a delivery, which is going to be settled.
func (c *Count) Note(address, body string, count int) {
	var sender, number int
	if _, err := fmt.Sscanf(body, "%d %d", &sender, &number); err != nil {
		c.t.Errorf("%s: %q: %v", address, body, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprint(address, " ", sender)
	switch next := c.next[key]; {
	case number > next:
		c.t.Errorf("%s: letter %d of sender %d came, want %d", address, number, sender, next)
	case number < next:
		c.again++
		if count < 2 {
			c.t.Errorf("%s: letter %d of sender %d came again without a mark", address, number, sender)
		}
	default:
		c.next[key] = number + 1
		c.came++
		for w, n := range c.waiters {
			if c.came >= n {
				close(w)
				delete(c.waiters, w)
			}
		}
	}
}

// Until waits until so many letters have come, each counted once.
func (c *Count) Until(letters int) {
	c.t.Helper()
	w := make(chan struct{})
	c.mu.Lock()
	if c.came >= letters {
		close(w)
	} else {
		c.waiters[w] = letters
	}
	c.mu.Unlock()
	select {
	case <-w:
	case <-time.After(patience):
		came, again := c.Sums()
		c.t.Fatalf("%d letters came, and %d again; want %d", came, again, letters)
	}
}

// Sums returns how many letters came, and how many deliveries there were beyond the first.
func (c *Count) Sums() (came, again int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.came, c.again
}

// Read notes what other programs write with [Line].
func (c *Count) Read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if lines.Text() == hangs {
			c.hung <- struct{}{}
			continue
		}
		var address string
		var sender, number, count int
		if _, err := fmt.Sscan(lines.Text(), &address, &sender, &number, &count); err != nil {
			c.t.Errorf("%q: %v", lines.Text(), err)
			continue
		}
		c.Note(address, fmt.Sprint(sender, number), count)
	}
}

// hangs is what a program writes that waits to be killed.
const hangs = "hangs"

// UntilHung waits until a program hangs; see [Program].
func (c *Count) UntilHung() {
	c.t.Helper()
	select {
	case <-c.hung:
	case <-time.After(patience):
		c.t.Fatal("no program has come to the letter at which it hangs")
	}
}

// Finish waits until so many letters have come, and checks that from least to most came
// again.
func (c *Count) Finish(letters, least, most int) {
	c.t.Helper()
	c.Until(letters)
	came, again := c.Sums()
	c.t.Logf("%d letters came, and %d again", came, again)
	if came != letters || again < least || again > most {
		c.t.Errorf("%d letters came and %d again, want %d and %d to %d", came, again, letters, least, most)
	}
}

// Line writes a delivery for Read. Programs that write to the same pipe do not get into
// each other's lines.
func Line(w io.Writer, d *mailbox.Delivery) {
	_, _ = w.Write(fmt.Appendf(nil, "%s %s %d\n", d.Address, d.Body, d.Count))
}
