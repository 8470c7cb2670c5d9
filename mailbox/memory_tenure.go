package mailbox

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe"
)

// A tenure is a box in the hands of a session: the Box that Next returns.
type tenure struct {
	box     *box
	session *session
	wake    func() // to be called when there is mail; guarded by the box's lock
	alone   bool   // what is out may have been delivered before; likewise

	next, prev *tenure // in session.owned
}

// Address returns whose mail it is.
func (t *tenure) Address() string { return t.box.address }

// Lost returns nil: in memory nobody loses an address.
func (t *tenure) Lost() <-chan struct{} { return nil }

// PutValue puts mail to the address; see [ValueStore].
func (t *tenure) PutValue(value any) error {
	b := t.box
	if b.store.limit > 0 {
		return b.store.Put(context.Background(), Mail{Address: b.address, Value: value})
	}
	b.mu.Lock()
	if b.owner != t {
		b.mu.Unlock()
		return ErrLost
	}
	b.pushAndUnlock(item{value: value, lane: normalLane})
	return nil
}

// Fetch hands out mail; see [Box].
func (t *tenure) Fetch(into []Delivery, wake func()) (int, error) {
	b := t.box
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.owner != t:
		return 0, ErrLost
	case b.stopped:
		return 0, ErrStopped
	}
	n := 0
	for n < len(into) && !t.alone && b.ready() {
		it, lane, key := b.take()
		t.alone = it.count > 1
		if t.alone && n > 0 { // it has to come alone
			b.lane(lane).untake(key)
			t.alone = false
			break
		}
		b.open(it, lane, key, &into[n])
		n++
	}
	if n == 0 {
		t.wake = wake
		return 0, nil
	}
	t.wake = nil
	b.grant()
	return n, nil
}

// take fetches the first item, which is ready.
func (b *box) take() (it *item, lane uint8, number uint64) {
	for i := range uint8(lanes) {
		l := b.lane(i)
		if l == nil {
			continue
		}
		if it, at := l.peek(); it != nil {
			it.state = isOut
			it.count++
			l.out++
			l.next = at + 1
			return it, i, l.first + uint64(at)
		}
	}
	return nil, 0, 0
}

// untake undoes take.
func (l *lane) untake(number uint64) {
	if it, i := l.find(number); it != nil {
		it.count--
		l.putBack(i)
	}
}

// open writes an item as a delivery.
func (b *box) open(it *item, lane uint8, number uint64, d *Delivery) {
	if it.mail != nil {
		d.Mail = *it.mail
	} else {
		d.Mail = Mail{}
	}
	d.Address, d.Value = b.address, it.value
	d.Key, d.Count, d.Put = number<<2|uint64(lane), int(it.count), time.Unix(0, it.put)
}

// Settle says what becomes of deliveries; see [Box].
func (t *tenure) Settle(outcomes []Outcome) error {
	b := t.box
	b.mu.Lock()
	if b.owner != t {
		b.mu.Unlock()
		return ErrLost
	}
	var dead []deadItem
	for i := range outcomes {
		b.settle(&outcomes[i], &dead)
	}
	if b.out() == 0 {
		t.alone = false
	}
	if t.wake != nil {
		b.offerAndUnlock()
	} else {
		b.mu.Unlock()
	}
	for _, d := range dead {
		b.store.bury(b.address, d.item, d.reason)
	}
	return nil
}

type deadItem struct {
	item   item
	reason string
}

// settle does one outcome. The lock is held.
func (b *box) settle(o *Outcome, dead *[]deadItem) {
	l := b.lane(uint8(o.Key & 3))
	if o.Key&3 >= lanes || l == nil {
		return
	}
	it, i := l.find(o.Key >> 2)
	if it == nil {
		return
	}
	switch o.Verdict {
	case Retry:
		it.due = 0
		if !o.At.IsZero() {
			it.due = nanos(o.At)
		}
		l.putBack(i)
	case Untouched:
		it.count--
		l.putBack(i)
	case Aside:
		again := *it
		l.remove(i)
		again.state, again.due = waits, 0
		if !o.At.IsZero() {
			again.due = nanos(o.At)
		}
		b.again(again)
	case Dead:
		*dead = append(*dead, deadItem{*it, o.Reason})
		l.remove(i)
	default:
		l.remove(i)
	}
}

// again puts an item anew. The lock is held.
func (b *box) again(it item) {
	if it.due > b.store.wall().UnixNano() {
		b.delay(it)
		return
	}
	it.due = 0
	b.lane(it.lane).push(it)
}

// Release gives the address back; see [Box].
func (t *tenure) Release(later time.Duration) error {
	b := t.box
	b.mu.Lock()
	if b.owner != t {
		b.mu.Unlock()
		return ErrLost
	}
	if later > 0 && b.count() > 0 {
		b.more().rest = time.Since(b.store.start) + later
	}
	t.session.remove(t)
	t.leaveAndUnlock()
	return nil
}

// leaveAndUnlock puts back what is out and lets go of the box.
func (t *tenure) leaveAndUnlock() {
	b := t.box
	for i := range uint8(lanes) {
		if l := b.lane(i); l != nil {
			l.putBackAll()
		}
	}
	b.owner = nil
	t.wake = nil
	if b.count() == 0 {
		b.sweepAndUnlock()
		return
	}
	b.offerAndUnlock()
}

// State returns what the last Commit left; see [Ledger].
func (t *tenure) State(ctx context.Context) ([]byte, error) {
	return t.box.store.State(ctx, t.box.address)
}

// State returns what the last Commit at an address left; see [States].
func (m *Memory) State(_ context.Context, address string) ([]byte, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	s := m.shard(address)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.states[address], nil
}

// Commit does all of c or nothing; see [Ledger].
func (t *tenure) Commit(ctx context.Context, c Commit) error {
	b := t.box
	for i := range c.Mail {
		if err := b.store.mayPut(&c.Mail[i]); err != nil {
			return err
		}
	}
	if err := t.Settle(c.Outcomes); err != nil {
		return err
	}
	for _, mail := range c.Mail {
		if mail.Full == troupe.Block {
			mail.Full = troupe.DropNewest // only for what came in between
		}
		if err := b.store.putOne(ctx, &mail); err != nil && !errors.Is(err, ErrFull) {
			return err // the store was closed: nothing is left of it
		}
	}
	if !c.SetState {
		return nil
	}
	s := b.store.shard(b.address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(c.State) == 0 {
		delete(s.states, b.address)
		return nil
	}
	if s.states == nil {
		s.states = make(map[string][]byte)
	}
	s.states[b.address] = bytes.Clone(c.State)
	return nil
}
