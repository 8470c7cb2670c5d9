package bolt

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A box is an address with an owner. What its queue holds is the first of what lies
// in the file, or all of it.
type box struct {
	store   *Store
	session *session
	address string
	queue   *held.Queue[ref]
	disk    onDisk // touched by whoever writes alone

	promised bool // it is to be presented to its session; guarded by the store's lock

	mu   sync.Mutex
	gone bool          // it has no owner any more; guarded by mu
	lost chan struct{} // closed when it was lost; guarded by mu, nil until somebody asks
}

// onDisk is what is known of a box's part of the file.
type onDisk struct {
	begun  bool          // something was loaded
	loaded [lanes]bool   // the queue has had all of the lane
	last   [lanes]uint64 // the last number that the queue has had
	live   [lanes]int    // mail that the queue has had and that is not settled
	ranged [lanes]bool   // the lane has an entry in out
	bytes  int           // of the bodies of what is live
	starve bool          // a Load waits until some of those have gone
}

// maxHeld is how many bytes of bodies a box may hold before it loads no more.
const maxHeld = 8 << 20

// A ref is how the store names mail that it has handed out.
type ref struct {
	number uint64
	done   uint32 // 1 when a Commit has settled it; atomic
}

func (b *box) key(it *held.Item[ref]) []byte { return mailKey(b.address, it.Lane, it.Ref.number) }

// keepsUp reports whether mail for the lane can be handed over at once.
func (b *box) keepsUp(lane int) bool {
	return b.disk.loaded[lane] && b.disk.live[lane] < 4*b.session.window && b.disk.bytes <= maxHeld
}

// Address returns whose mail it is.
func (b *box) Address() string { return b.address }

// Fetch hands out mail; see [mailbox.Box].
func (b *box) Fetch(into []mailbox.Delivery, wake func()) (int, error) {
	return b.queue.Fetch(into, wake)
}

// Settle says what becomes of deliveries; see [mailbox.Box].
func (b *box) Settle(outcomes []mailbox.Outcome) error { return b.queue.Settle(outcomes) }

// Lost returns a channel that is closed when the address was lost; see [mailbox.Box].
// That happens only when the disk has failed in the middle of writing.
func (b *box) Lost() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost == nil {
		b.lost = make(chan struct{})
		if b.gone {
			close(b.lost)
		}
	}
	return b.lost
}

// Release gives the address back; see [mailbox.Box].
func (b *box) Release(later time.Duration) error {
	if !b.leave(false, later) {
		return mailbox.ErrLost
	}
	return nil
}

// leave takes the address from its owner, and gives back the mail that he has not
// settled. If the owner does not do it himself, he is woken.
func (b *box) leave(wake bool, later time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return false
	}
	b.end(wake)
	more := b.queue.Behind()
	b.queue.Close()
	left := b.queue.Left()
	b.store.giveBack(b, left)
	b.store.free(b, more || len(left) > 0, later)
	return true
}

// lose takes the address from its owner because nobody knows what of the last
// transaction is in the file: who owns it next reads it there. What was out may have
// been begun, and counts.
func (b *box) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return
	}
	b.end(true)
	b.queue.Close()
	b.store.free(b, true, 0)
}

// end is the end of a box's time with its owner. The lock is held.
func (b *box) end(wake bool) {
	b.gone = true
	if wake {
		b.queue.Fail(mailbox.ErrLost)
	}
	if b.lost != nil {
		close(b.lost)
	}
}

// add gives mail to the queue, or back to the file if nobody wants it any more.
func (b *box) add(items []*held.Item[ref], behind [lanes]held.Behind) {
	if !b.tryAdd(items, behind) {
		b.store.giveBack(b, items)
		b.store.offer(b.address)
		return
	}
	b.present()
}

func (b *box) tryAdd(items []*held.Item[ref], behind [lanes]held.Behind) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.gone {
		b.queue.Add(items, behind)
	}
	return !b.gone
}

// Settled writes outcomes down; see [held.Source].
func (b *box) Settled(done []held.Outcome[ref]) {
	done = slices.DeleteFunc(done, func(o held.Outcome[ref]) bool { return atomic.LoadUint32(&o.Ref.done) != 0 })
	if len(done) > 0 {
		b.store.commit.later(&op{lazy: true, apply: func(t *txn) error { return t.settle(b, done, 0) }})
	}
}

// settle does outcomes, of mail that was delivered more often than it says.
func (t *txn) settle(b *box, outcomes []held.Outcome[ref], more int) error {
	d := t.change(b)
	for _, o := range outcomes {
		key := b.key(o.Item)
		if t.store.doubt && t.table(mail).Get(key) == nil {
			continue // a transaction that was said to have failed has done it
		}
		if o.Verdict != mailbox.Handled {
			rec := newRecord(&o.Mail, o.Put, o.Tries+more)
			if err := t.moveOn(b.address, &o, rec); err != nil {
				return err
			}
		}
		if err := t.erase(key); err != nil {
			return err
		}
		t.added(b.address, -1)
		t.lighten(b, &o.Mail)
		if d.live[o.Lane]--; d.live[o.Lane] == 0 && d.loaded[o.Lane] && d.ranged[o.Lane] {
			d.ranged[o.Lane] = false
			if err := t.table(out).Delete(laneKey(b.address, o.Lane)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lighten counts that a box does not hold mail any more.
func (t *txn) lighten(b *box, m *mailbox.Mail) {
	d := t.change(b)
	d.bytes -= len(m.Body)
	if d.starve && d.bytes <= maxHeld/2 {
		d.starve = false
		t.then(b.Load)
	}
}

// moveOn puts settled mail where it is to go.
func (t *txn) moveOn(address string, o *held.Outcome[ref], rec []byte) error {
	switch {
	case o.Verdict == mailbox.Dead:
		return t.bury(address, o.Reason, rec)
	case o.At.After(t.now):
		return t.delay(address, o.Lane, o.At, rec)
	}
	m := o.Mail
	m.Address = address
	return t.place(address, m, rec, recordCount(rec))
}
