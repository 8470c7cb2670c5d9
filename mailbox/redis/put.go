package redis

import (
	"context"
	"fmt"
	"sync"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A putter sends the mail for one partition, one script at a time: who comes while
// one is under way goes along with the next, so that many senders share a round trip
// and a write to disk. Each script has a number, so that it can be sent again when
// there was no reply.
type putter struct {
	store *Store
	root  string

	mu     sync.Mutex
	queue  []*putCall
	busy   bool // somebody sends
	op     uint64
	closed bool
	room   map[string][]*putCall // those for whose first mail there is no room
	came   map[string]bool       // room that came while a script was under way
}

// A putCall is what one Put has for one partition.
type putCall struct {
	mail  []mailbox.Mail
	data  [][]byte
	next  int  // what was put
	gone  bool // nobody waits for it
	ended chan error
}

// Limits of one script.
const (
	mostMail  = 256
	mostBytes = 1 << 20
)

func newPutter(s *Store, root string) *putter {
	return &putter{store: s, root: root, room: map[string][]*putCall{}, came: map[string]bool{}}
}

// Put puts mail; see mailbox.Store.
func (s *Store) Put(ctx context.Context, mail ...mailbox.Mail) error {
	if s.isClosed() {
		return errClosed
	}
	if len(mail) == 1 { // most often
		return s.putPart(ctx, mail, s.partition(mail[0].Address))
	}
	parts := make([][]mailbox.Mail, len(s.roots))
	for _, m := range mail {
		p := s.partition(m.Address)
		parts[p] = append(parts[p], m)
	}
	for p, part := range parts {
		if len(part) > 0 {
			if err := s.putPart(ctx, part, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) putPart(ctx context.Context, mail []mailbox.Mail, partition int) error {
	c := &putCall{mail: mail, data: make([][]byte, len(mail)), ended: make(chan error, 1)}
	for i := range mail {
		m := &mail[i]
		if err := mailbox.CheckAddress(m.Address); err != nil {
			return err
		}
		c.data[i] = mailbox.AppendMail(nil, m)
		if len(c.data[i]) > s.largest {
			return fmt.Errorf("%w: %d bytes, at most %d", mailbox.ErrTooLarge, len(c.data[i]), s.largest)
		}
	}
	return s.putters[partition].do(ctx, c)
}

func (p *putter) do(ctx context.Context, c *putCall) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	p.queue = append(p.queue, c)
	p.wakeLocked()
	p.mu.Unlock()
	select {
	case err := <-c.ended:
		return err
	case <-ctx.Done():
		p.forget(c)
		return context.Cause(ctx)
	}
}

// run sends what waits until nothing does.
func (p *putter) run() {
	for b := p.take(); b != nil; b = p.take() {
		err := p.store.insist(context.Background(), func(ctx context.Context) error { return p.send(ctx, b) })
		if err != nil {
			p.fail(b, err)
		}
	}
}

// A batch is what one script puts.
type batch struct {
	calls []*putCall
	count []int // how many mails of each
	args  []any
}

// take returns the next batch, or nil when there is nothing to do.
func (p *putter) take() *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.op++
	s := p.store
	b := &batch{args: append(make([]any, 0, 4+8*len(p.queue)), s.id, p.op, s.remember.Milliseconds(), mailbox.ErrFull.Error())}
	n, bytes, used := 0, 0, 0
	for _, c := range p.queue {
		if n == mostMail || bytes > mostBytes {
			break
		}
		used++
		if c.gone {
			continue
		}
		from := c.next
		at := from
		for ; at < len(c.mail) && n < mostMail && bytes <= mostBytes; at++ {
			b.args = appendMail(b.args, &c.mail[at], c.data[at], at == from)
			n++
			bytes += len(c.data[at])
		}
		b.calls, b.count = append(b.calls, c), append(b.count, at-from)
	}
	p.queue = append(p.queue[:0], p.queue[used:]...)
	if n == 0 {
		p.busy = false
		return nil
	}
	clear(p.came)
	return b
}

func appendMail(args []any, m *mailbox.Mail, data []byte, first bool) []any {
	var due int64
	if !m.Due.IsZero() {
		due = (m.Due.UnixNano() + 999_999) / 1_000_000
	}
	begins := "0"
	if first {
		begins = "1"
	}
	return append(args, begins, m.Address, held.LaneOf(m.Priority)+1, due, m.Limit, int(m.Full), m.ID, data)
}

// send runs the script and tells the callers. It may be called again with the same
// batch if it returns an error.
func (p *putter) send(ctx context.Context, b *batch) error {
	reply, err := p.store.rdb.EvalSha(ctx, putScript.sum, []string{p.root}, b.args...).Text()
	if err != nil {
		return err
	}
	at := 0
	for i, c := range b.calls {
		p.tell(c, reply[at:at+b.count[i]])
		at += b.count[i]
	}
	return nil
}

// tell notes what became of some mail of a call: a digit for each.
func (p *putter) tell(c *putCall, digits string) {
	s := p.store
	for _, d := range digits {
		if d != '0' {
			break
		}
		m := &c.mail[c.next]
		c.next++
		// Also of mail that is not due: the server's clock decides, and by it may be due already.
		s.news(m.Address, held.LaneOf(m.Priority))
	}
	switch {
	case c.next == len(c.mail):
		c.ended <- nil
		return
	case digits[len(digits)-1] == '0': // the batch had no room for more
		p.again(c)
		return
	}
	for _, d := range digits {
		if d == '1' {
			c.ended <- mailbox.ErrFull
			return
		}
	}
	p.park(c)
}

// again sends the rest of a call before what came later.
func (p *putter) again(c *putCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append([]*putCall{c}, p.queue...)
}

// park keeps a call until there is room for its next mail.
func (p *putter) park(c *putCall) {
	p.store.hub.start()
	p.mu.Lock()
	defer p.mu.Unlock()
	a := c.mail[c.next].Address
	if p.came[a] {
		p.queue = append(p.queue, c)
		return
	}
	p.room[a] = append(p.room[a], c)
}

// roomFor sends again those who waited for room at an address; "" is all.
func (p *putter) roomFor(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if address != "" {
		p.came[address] = true
		p.queue = append(p.queue, p.room[address]...)
		delete(p.room, address)
	} else {
		for a, calls := range p.room {
			p.queue = append(p.queue, calls...)
			delete(p.room, a)
		}
	}
	p.wakeLocked()
}

// wakeLocked sees to it that what waits is sent.
func (p *putter) wakeLocked() {
	if len(p.queue) > 0 && !p.busy && !p.closed {
		p.busy = true
		go p.run()
	}
}

// forget drops a call for which nobody waits.
func (p *putter) forget(c *putCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.gone = true
	for a, calls := range p.room {
		for i := range calls {
			if calls[i] == c {
				if p.room[a] = append(calls[:i:i], calls[i+1:]...); len(p.room[a]) == 0 {
					delete(p.room, a)
				}
				return
			}
		}
	}
}

func (p *putter) fail(b *batch, err error) {
	for _, c := range b.calls {
		c.ended <- err
	}
	p.store.stir() // nobody knows what was put
}

// close ends all calls.
func (p *putter) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.queue {
		c.ended <- errClosed
	}
	for _, calls := range p.room {
		for _, c := range calls {
			c.ended <- errClosed
		}
	}
	p.queue, p.room = nil, map[string][]*putCall{}
}
