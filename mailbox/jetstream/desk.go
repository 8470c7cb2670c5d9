package jetstream

import (
	"slices"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A ref is how JetStream knows a mail.
type ref struct {
	seq  uint64
	ack  string // where its acknowledgement goes; "" if it was not delivered but fetched
	base int    // deliveries before it was put aside
	tag  uint64 // the count that is written down for it, if not 0
	safe int    // what the loader has made its Safe
}

type item = held.Item[ref]

// A desk is where the mail of the program's partitions lies, by address, until a session
// takes the address. Its lock is never held while somebody else's code runs.
type desk struct {
	store *Store

	mu       sync.Mutex
	sessions map[*Session]struct{}
	addrs    map[string]*addr
	stops    map[string]bool
	holds    int                        // mails in addrs, those of boxes not counted
	rooms    map[string][]chan struct{} // senders that wait for room
	wanted   map[string]bool            // addresses for which somebody somewhere does
}

// An addr is an address of one of the program's partitions that has mail or an owner.
type addr struct {
	name  string
	part  *partition
	lanes [held.Lanes]lane
	box   *box
	rest  time.Time // not offered before
}

// A lane is the mail of one priority.
type lane struct {
	wait    []*item // while nobody has the address
	skipped bool    // there is more in the stream, from on
	from    uint64
	seen    uint64 // the last that was delivered to the program
	expect  uint64 // one that was put by this program, and must come
}

// Most mail that the program holds for addresses that nobody has taken.
const mostHeld = 16384

func (d *desk) init(s *Store) {
	d.store = s
	d.sessions = map[*Session]struct{}{}
	d.addrs = map[string]*addr{}
	d.stops = map[string]bool{}
	d.rooms = map[string][]chan struct{}{}
	d.wanted = map[string]bool{}
}

func (d *desk) all() (all []*Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for x := range d.sessions {
		all = append(all, x)
	}
	return all
}

// deliver takes a mail that the server has delivered.
// pending is how much the server has behind it.
func (d *desk) deliver(p *partition, beginning int, address string, it *item, pending uint64) {
	d.mu.Lock()
	if p.lost.Load() || p.beginning != beginning || p.again(it.Ref.seq) {
		d.mu.Unlock()
		return
	}
	a := d.addrs[address]
	if a == nil {
		a = &addr{name: address, part: p}
		d.addrs[address] = a
	}
	l := &a.lanes[it.Lane]
	seq := it.Ref.seq
	if l.skipped && seq >= l.from && seq <= l.seen {
		d.mu.Unlock()
		return
	}
	l.seen = max(l.seen, seq)
	if pending > 0 {
		d.fallBehind(p)
	}
	then := func() {}
	switch {
	case l.skipped:
	case a.box != nil && a.box.room(it.Lane):
		p.known[seq] = true
		then = a.box.queue.Insert([]*item{it}, a.behind())
	case a.box == nil && d.keeps(a, l):
		p.known[seq] = true
		l.wait = append(l.wait, it)
		d.holds++
	default:
		l.skipped, l.from = true, seq
		if a.box != nil {
			then = a.box.queue.Insert(nil, a.behind())
		}
	}
	offers := d.offer(a)
	if pending == 0 {
		offers = append(offers, d.catchUp(p)...)
	}
	d.mu.Unlock()
	then()
	signal(offers)
}

// fallBehind puts off the offers of a partition, for a moment: mail of a higher priority
// may follow.
func (d *desk) fallBehind(p *partition) {
	if p.behind {
		return
	}
	wait := 5 * time.Millisecond
	if !p.begun { // with all that has waited
		wait = time.Second
	}
	p.behind, p.begun = true, true
	time.AfterFunc(wait, func() {
		d.mu.Lock()
		wake := d.catchUp(p)
		d.mu.Unlock()
		signal(wake)
	})
}

// catchUp makes the offers that were put off.
func (d *desk) catchUp(p *partition) (wake []*Session) {
	p.behind, p.begun = false, true
	for a := range p.late {
		delete(p.late, a)
		if d.addrs[a.name] == a {
			wake = append(wake, d.offer(a)...)
		}
	}
	return wake
}

// keeps reports whether there is place for one more mail of an address that nobody has.
func (d *desk) keeps(a *addr, l *lane) bool {
	if len(l.wait) >= mailbox.DefaultWindow || d.holds >= mostHeld || d.stops[a.name] {
		return false
	}
	for x := range d.sessions {
		if x.accept(a.name) {
			return true
		}
	}
	return false
}

// behind says for each lane whether there is mail that the owner does not have.
func (a *addr) behind() (b [held.Lanes]held.Behind) {
	for i := range a.lanes {
		b[i] = held.None
		if l := &a.lanes[i]; l.skipped || l.expect > l.seen {
			b[i] = held.Some
		}
	}
	return b
}

func (a *addr) hasMail() bool {
	for i := range a.lanes {
		if len(a.lanes[i].wait) > 0 || a.lanes[i].skipped {
			return true
		}
	}
	return false
}

// offer lets the sessions know of an address that can be had. It returns those to be
// woken.
func (d *desk) offer(a *addr) (wake []*Session) {
	if !d.free(a) {
		return nil
	}
	if a.part.behind {
		a.part.late[a] = true
		return nil
	}
	for x := range d.sessions {
		if !x.listed[a] && x.accept(a.name) {
			x.listed[a] = true
			x.offers = append(x.offers, a)
			wake = append(wake, x)
		}
	}
	return wake
}

// free reports whether an address can be had.
func (d *desk) free(a *addr) bool {
	return a.box == nil && a.hasMail() && !d.stops[a.name] && !a.part.leaving &&
		(a.rest.IsZero() || time.Until(a.rest) <= 0)
}

func signal(sessions []*Session) {
	for _, x := range sessions {
		x.signal()
	}
}

// expect notes that the program has put mail: an owner must not be given mail of a lower
// priority before.
func (d *desk) expect(address string, lane int, seq uint64) {
	d.mu.Lock()
	a := d.addrs[address]
	then := func() {}
	if a != nil && a.box != nil {
		if l := &a.lanes[lane]; seq > l.seen {
			l.expect = max(l.expect, seq)
			then = a.box.queue.Insert(nil, a.behind())
		}
	}
	d.mu.Unlock()
	then()
}

// sweep forgets an address that has nothing.
func (d *desk) sweep(a *addr) {
	if d.addrs[a.name] == a && a.box == nil && !a.hasMail() && a.rest.IsZero() {
		delete(d.addrs, a.name)
	}
}

// take gives an address that can be had to a session.
func (d *desk) take(x *Session) *box {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(x.offers) > 0 {
		a := x.offers[0]
		x.offers = x.offers[1:]
		delete(x.listed, a)
		if d.addrs[a.name] != a || !d.free(a) {
			continue
		}
		b := newBox(x, a)
		a.box = b
		a.part.boxes++
		var items []*item
		for i := range a.lanes {
			items = append(items, a.lanes[i].wait...)
			d.holds -= len(a.lanes[i].wait)
			a.lanes[i].wait = nil
		}
		b.queue.Insert(items, a.behind())() // nobody waits for it yet
		return b
	}
	return nil
}

// giveBack takes an address from its owner, with the mail that was not settled. It is
// not offered before later has passed.
func (d *desk) giveBack(b *box, later time.Duration) {
	d.mu.Lock()
	a := b.addr
	if a.box != b || a.part.lost.Load() {
		d.mu.Unlock()
		return
	}
	a.box = nil
	a.part.boxes--
	for _, it := range b.queue.Pass() {
		it.Safe = max(it.Safe, it.Ref.safe)
		a.lanes[it.Lane].wait = append(a.lanes[it.Lane].wait, it)
		d.holds++
	}
	if later > 0 {
		a.rest = time.Now().Add(later)
		time.AfterFunc(later, func() { d.rested(a) })
	}
	if d.stops[a.name] {
		d.drop(a)
	}
	wake := d.offer(a)
	d.sweep(a)
	d.mu.Unlock()
	signal(wake)
	d.store.clerk.kick() // the partition may be given away
}

// rested offers an address that was released for later.
func (d *desk) rested(a *addr) {
	d.mu.Lock()
	if time.Until(a.rest) > 0 {
		d.mu.Unlock()
		return
	}
	a.rest = time.Time{}
	wake := d.offer(a)
	d.sweep(a)
	d.mu.Unlock()
	signal(wake)
}

// drop leaves the mail of an address that nobody has to the stream, but for what must
// keep its count.
func (d *desk) drop(a *addr) {
	for i := range a.lanes {
		l := &a.lanes[i]
		keep := slices.IndexFunc(l.wait, func(it *item) bool { return it.Tries == 0 })
		if keep < 0 || slices.ContainsFunc(l.wait[keep:], func(it *item) bool { return it.Tries > 0 || it.Safe > 0 }) {
			continue
		}
		for _, it := range l.wait[keep:] {
			delete(a.part.known, it.Ref.seq)
			d.holds--
		}
		l.skipped, l.from = true, l.wait[keep].Ref.seq
		l.wait = l.wait[:keep]
	}
}

// stop notes that an address was stopped, or started.
func (d *desk) stop(address string, stopped bool) {
	d.mu.Lock()
	then := func() {}
	var wake []*Session
	if stopped {
		d.stops[address] = true
	} else {
		delete(d.stops, address)
	}
	if a := d.addrs[address]; a != nil {
		switch {
		case stopped && a.box != nil:
			b := a.box
			then = func() { b.queue.Fail(mailbox.ErrStopped) }
		case stopped:
			d.drop(a)
		default:
			a.rest = time.Time{}
			wake = d.offer(a)
		}
	}
	d.mu.Unlock()
	then()
	signal(wake)
}

func (d *desk) stopped() (addresses []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for a := range d.stops {
		addresses = append(addresses, a)
	}
	return addresses
}

// gone notes that mail has left the stream. While the consumer begins anew, it may be on
// its way to the program once more.
func (d *desk) gone(p *partition, seqs []uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, seq := range seqs {
		delete(p.known, seq)
		if seq > p.at {
			p.settled[seq] = true
		}
	}
}

// reached reports whether the consumer has come to a mail since it began.
func (d *desk) reached(p *partition, seq uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return seq <= p.at
}

// again notes how far the consumer has come, and reports whether the mail that it delivers
// came before. The desk's lock is held.
func (p *partition) again(seq uint64) bool {
	p.at = seq
	gone := p.settled[seq]
	for s := range p.settled {
		if s <= seq {
			delete(p.settled, s)
		}
	}
	return gone || p.known[seq]
}
