package redis

import (
	"strconv"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A ref is how Redis knows a mail.
type ref struct {
	id   string // in its stream
	base int    // deliveries before it was put aside
}

type item = held.Item[ref]

// A box is an address that a session owns; see mailbox.Box. What it wants from Redis it
// leaves with the session's turner.
type box struct {
	session *Session
	owner   string // the session's name
	root    string
	address string
	queue   *held.Queue[ref]
	gone    chan struct{} // closed when it was lost

	mu   sync.Mutex
	todo todo
	over bool // released or lost

	from [held.Lanes]string // where to go on among what is pending; "" when that is done
	mine [held.Lanes]bool   // what is pending was fetched by this box
	last [held.Lanes]string // the last mail that was loaded
}

// todo is what a box wants from Redis.
type todo struct {
	outcomes []held.Outcome[ref]
	bumps    []*item
	load     bool
	release  bool
}

func newBox(x *Session, owner, root, address string) *box {
	b := &box{session: x, owner: owner, root: root, address: address, gone: make(chan struct{})}
	b.queue = held.New[ref](b, x.window)
	return b
}

// Address returns whose mail it is.
func (b *box) Address() string { return b.address }

// Fetch is that of mailbox.Box.
func (b *box) Fetch(into []mailbox.Delivery, wake func()) (int, error) {
	return b.queue.Fetch(into, wake)
}

// Settle is that of mailbox.Box.
func (b *box) Settle(outcomes []mailbox.Outcome) error { return b.queue.Settle(outcomes) }

// Lost is that of mailbox.Box.
func (b *box) Lost() <-chan struct{} { return b.gone }

// Release is that of mailbox.Box.
func (b *box) Release(later time.Duration) error {
	b.mu.Lock()
	if b.over {
		b.mu.Unlock()
		return mailbox.ErrLost
	}
	b.over = true
	b.mu.Unlock()
	b.queue.Close()
	if later > 0 {
		b.session.find.rest(b.address, later)
	}
	b.do(func(t *todo) { t.release = true })
	return nil
}

// lose says that the box belongs to somebody else.
func (b *box) lose() {
	b.mu.Lock()
	over := b.over
	b.over = true
	b.mu.Unlock()
	b.forget()
	if over {
		return
	}
	b.queue.Fail(mailbox.ErrLost)
	b.queue.Close()
	b.lost()
}

func (b *box) lost() { close(b.gone) }

// forget takes the box from the store.
func (b *box) forget() {
	s := b.session.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boxes[b.address] == b {
		delete(s.boxes, b.address)
	}
}

// do changes what the box wants from Redis.
func (b *box) do(f func(*todo)) {
	b.mu.Lock()
	f(&b.todo)
	b.mu.Unlock()
	b.session.turns.add(b)
}

// Load, Bump and Settled make a box a held.Source.

func (b *box) Load() { b.do(func(t *todo) { t.load = true }) }

func (b *box) Bump(items []*item) { b.do(func(t *todo) { t.bumps = append(t.bumps, items...) }) }

func (b *box) Settled(done []held.Outcome[ref]) {
	b.do(func(t *todo) { t.outcomes = append(t.outcomes, done...) })
}

// loaded takes the reply to a load: for each lane whether there is more and where to go
// on, and then the mail.
func (b *box) loaded(reply []any) {
	var behind [held.Lanes]held.Behind
	for i := range behind {
		more, _ := reply[2*i].(int64)
		behind[i] = [...]held.Behind{held.Same, held.None, held.Some}[more+1]
		b.from[i], _ = reply[2*i+1].(string)
		if b.from[i] == "" {
			b.mine[i] = false
		}
	}
	var items []*item
	for r := reply[2*held.Lanes:]; len(r) >= 6; r = r[6:] {
		items = append(items, b.item(r))
	}
	b.queue.Add(items, behind)
}

// item reads a mail: its lane, id, tries before, put, base and data.
func (b *box) item(r []any) *item {
	lane, _ := r[0].(int64)
	id, _ := r[1].(string)
	tries, _ := r[2].(int64)
	put, _ := r[3].(int64)
	base, _ := r[4].(int64)
	data, _ := r[5].(string)
	it := &item{Put: time.UnixMilli(put), Ref: ref{id: id, base: int(base)}, Lane: int(lane) - 1, Tries: int(tries)}
	it.Safe = max(it.Tries, it.Ref.base+1)
	b.last[it.Lane] = id
	m, err := mailbox.ParseMail([]byte(data))
	if err != nil { // the reader gives it up, with a reason
		m = mailbox.Mail{Encoding: "damaged", Body: []byte(data)}
	}
	m.Address = b.address
	it.Mail = m
	return it
}

// unsure says that a load may have been done without a reply.
func (b *box) unsure() {
	for i := range b.from {
		if b.from[i] != "" {
			continue
		}
		b.from[i], b.mine[i] = "-", true
		if b.last[i] != "" {
			b.from[i] = "(" + b.last[i]
		}
	}
}

func formatScore(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
