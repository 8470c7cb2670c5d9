package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
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
}

// A ref is how the store names mail that it has handed out.
type ref struct {
	number uint64
	done   uint32 // 1 when a Commit has settled it; atomic
}

func (b *box) key(it *held.Item[ref]) []byte { return mailKey(b.address, it.Lane, it.Ref.number) }

// keepsUp reports whether mail for the lane can be handed over at once.
func (b *box) keepsUp(lane int) bool {
	return b.disk.loaded[lane] && b.disk.live[lane] < 4*b.session.window
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

// giveBack writes down that mail was not delivered after all.
func (s *Store) giveBack(b *box, items []*held.Item[ref]) {
	var marked []givenBack
	for _, it := range items {
		if it.Safe > it.Tries || it.Tries > 0 {
			marked = append(marked, givenBack{string(b.key(it)), byte(min(it.Tries, maxCount))})
		}
	}
	if len(marked) == 0 {
		return
	}
	s.mu.Lock()
	for _, g := range marked {
		s.given[g.key] = g.tries
	}
	s.mu.Unlock()
	s.commit.later(&op{lazy: true, apply: func(t *txn) error {
		for _, g := range marked {
			if t.table(mail).Get([]byte(g.key)) == nil {
				continue // it was dropped
			}
			if err := t.table(tried).Put([]byte(g.key), []byte{g.tries}); err != nil {
				return err
			}
		}
		t.then(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, g := range marked {
				delete(s.given, g.key)
			}
		})
		return nil
	}})
}

// A givenBack is mail that was marked as delivered and was not.
type givenBack struct {
	key   string
	tries byte
}

// Load reads more mail; see [held.Source].
func (b *box) Load() {
	b.store.commit.later(&op{apply: func(t *txn) error {
		if !b.store.owns(b) {
			return nil
		}
		var items []*held.Item[ref]
		var behind [lanes]held.Behind
		want := b.queue.Want()
		if !b.disk.begun {
			want = [lanes]int{b.session.window, b.session.window, b.session.window}
		}
		for lane := range lanes {
			if want[lane] == 0 {
				continue
			}
			more, all, err := t.load(b, lane, want[lane])
			if err != nil {
				return err
			}
			items = append(items, more...)
			behind[lane] = held.Some
			if all {
				behind[lane] = held.None
			}
		}
		t.then(func() { b.add(items, behind) })
		return nil
	}})
}

// load reads up to n mails of a lane and marks them as delivered. all says that
// there are no more.
func (t *txn) load(b *box, lane, n int) (items []*held.Item[ref], all bool, err error) {
	d := t.change(b)
	d.begun = true
	from := laneKey(b.address, lane)
	gone := t.outUntil(from)
	d.ranged[lane] = gone > 0
	c := t.table(mail).Cursor()
	mark := false
	k, v := c.Seek(mailKey(b.address, lane, d.last[lane]+1))
	for ; len(items) < n && k != nil && bytes.HasPrefix(k, from); k, v = c.Next() {
		_, _, number, ok := split(k)
		if !ok {
			continue
		}
		it := &held.Item[ref]{Lane: lane, Ref: ref{number: number}, Tries: t.tries(k, v, number <= gone)}
		m, put, err := openRecord(bytes.Clone(v))
		if err != nil {
			m = mailbox.Mail{Body: bytes.Clone(v), Encoding: "damaged"}
		}
		it.Mail, it.Put, it.Safe = m, put, max(it.Tries, 1)
		it.Mail.Address = b.address
		if it.Tries == 0 {
			mark = true // what was given back counts again from here on
			if err := t.table(tried).Delete(k); err != nil {
				return nil, false, err
			}
		}
		d.last[lane] = number
		items = append(items, it)
	}
	all = k == nil || !bytes.HasPrefix(k, from)
	if len(items) > 0 && items[0].Tries > 0 && d.live[lane] == 0 {
		it := items[0] // the owner is to have it at once
		it.Safe = it.Tries + 1
		if err := t.table(tried).Put(b.key(it), []byte{byte(min(it.Safe, maxCount))}); err != nil {
			return nil, false, err
		}
	}
	d.loaded[lane] = all
	d.live[lane] += len(items)
	if mark {
		d.ranged[lane] = true
		err = t.table(out).Put(from, binary.BigEndian.AppendUint64(nil, d.last[lane]))
	}
	return items, all, err
}

// outUntil returns up to which number the mail of a lane may have been delivered.
func (t *txn) outUntil(lane []byte) uint64 {
	if v := t.table(out).Get(lane); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// tries returns how often mail may have been delivered.
func (t *txn) tries(key, rec []byte, out bool) int {
	if n, given := t.store.givenBack(key); given {
		return n
	}
	if v := t.table(tried).Get(key); len(v) == 1 {
		return int(v[0])
	}
	n := 0
	if len(rec) > 0 {
		n = recordCount(rec)
	}
	if out {
		n = max(n, 1)
	}
	return n
}

// givenBack returns what is not in the file yet.
func (s *Store) givenBack(key []byte) (tries int, given bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, given := s.given[string(key)]
	return int(n), given
}

// Bump writes down that mail is delivered once more; see [held.Source].
func (b *box) Bump(items []*held.Item[ref]) {
	safe := make([]byte, len(items))
	for i, it := range items {
		safe[i] = byte(min(it.Tries+1, maxCount))
	}
	b.store.commit.later(&op{apply: func(t *txn) error {
		for i, it := range items {
			if err := t.table(tried).Put(b.key(it), safe[i:i+1]); err != nil {
				return err
			}
		}
		t.then(func() { b.queue.Bumped(items) })
		return nil
	}})
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
		if d.live[o.Lane]--; d.live[o.Lane] == 0 && d.loaded[o.Lane] && d.ranged[o.Lane] {
			d.ranged[o.Lane] = false
			if err := t.table(out).Delete(laneKey(b.address, o.Lane)); err != nil {
				return err
			}
		}
	}
	return nil
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

// State returns what the last Commit left; see [mailbox.Ledger].
func (b *box) State(ctx context.Context) (found []byte, err error) {
	err = b.store.view(func(t *txn) error {
		found = bytes.Clone(t.table(state).Get([]byte(b.address)))
		return nil
	})
	return found, err
}

// Commit does all of c or nothing; see [mailbox.Ledger].
func (b *box) Commit(ctx context.Context, c mailbox.Commit) error {
	letters, err := b.store.compose(c.Mail)
	if err != nil {
		return err
	}
	done := b.queue.Look(c.Outcomes)
	ctx = context.WithoutCancel(ctx) // who gave up now would not know what has happened
	err = b.store.commit.do(ctx, size(letters)+len(c.State), func(t *txn) error {
		if !b.store.owns(b) {
			return opError{mailbox.ErrLost}
		}
		if err := t.admit(letters); err != nil {
			return opError{err}
		}
		if err := t.settle(b, done, 1); err != nil {
			return err
		}
		if err := t.putAll(letters); err != nil || !c.SetState {
			return err
		}
		if len(c.State) == 0 {
			return t.table(state).Delete([]byte(b.address))
		}
		return t.table(state).Put([]byte(b.address), c.State)
	})
	if errors.As(err, new(noRoom)) {
		return mailbox.ErrFull
	}
	if err != nil {
		return err
	}
	for _, o := range done {
		atomic.StoreUint32(&o.Ref.done, 1)
	}
	b.queue.Settle(c.Outcomes) // it is lost if the session has ended meanwhile, but all is written
	return nil
}
