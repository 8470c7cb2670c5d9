package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A letter is mail on its way into the file.
type letter struct {
	mail mailbox.Mail // its body shares memory with rec
	rec  []byte
	late bool // it is not due
}

// noRoom is what keeps a Put from its work that is to wait for room. The channel is
// closed when it should try again.
type noRoom struct{ room <-chan struct{} }

func (noRoom) Error() string { return mailbox.ErrFull.Error() }

// Put puts mail, all of it or none; see [mailbox.Store].
func (s *Store) Put(ctx context.Context, mail ...mailbox.Mail) error {
	letters, err := s.compose(mail)
	if err != nil || len(letters) == 0 && !s.closed.Load() {
		return err
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := s.commit.do(ctx, size(letters), func(t *txn) error {
			if err := t.admit(letters); err != nil {
				return opError{err}
			}
			return t.putAll(letters)
		})
		var full noRoom
		if !errors.As(err, &full) {
			return err
		}
		select {
		case <-full.room:
		case <-ctx.Done():
		}
	}
}

// compose checks mail and writes it as records.
func (s *Store) compose(mail []mailbox.Mail) ([]letter, error) {
	now := s.wall()
	letters := make([]letter, len(mail))
	for i := range mail {
		m := &mail[i]
		if err := mailbox.CheckAddress(m.Address); err != nil {
			return nil, err
		}
		rec := newRecord(m, now, 0)
		if len(rec) > s.largest {
			return nil, fmt.Errorf("%w: it has %d bytes, of at most %d", mailbox.ErrTooLarge, len(rec), s.largest)
		}
		l := &letters[i]
		l.mail, l.rec, l.late = *m, rec, m.Due.After(now)
		l.mail.Value = nil
		l.mail.Body = rec[len(rec)-len(m.Body):]
	}
	return letters, nil
}

// size returns how many bytes letters bring.
func size(letters []letter) (n int) {
	for i := range letters {
		n += len(letters[i].rec)
	}
	return n
}

// admit does what is to be done about full addresses, and reports what keeps the
// letters from being put. It changes nothing but by dropping.
func (t *txn) admit(letters []letter) error {
	var more map[string]int
	for i := range letters {
		l := &letters[i]
		if l.mail.Limit <= 0 || len(letters) > 1 && t.seen(&l.mail) {
			continue
		}
		if more == nil {
			more = make(map[string]int)
		}
		more[l.mail.Address]++
		n := t.count(l.mail.Address) + more[l.mail.Address] - 1
		if n < l.mail.Limit || t.seen(&l.mail) {
			continue
		}
		switch l.mail.Full {
		case troupe.Block:
			return noRoom{t.store.awaitRoom(l.mail.Address)}
		case troupe.Refuse:
			return mailbox.ErrFull
		}
	}
	return nil
}

// putAll puts letters.
func (t *txn) putAll(letters []letter) error {
	if err := t.forgetIDs(2 * len(letters)); err != nil {
		return err
	}
	for i := range letters {
		if err := t.put(&letters[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) put(l *letter) error {
	m := &l.mail
	if m.ID != "" {
		if t.seen(m) {
			return nil
		}
		if err := t.remember(m); err != nil {
			return err
		}
	}
	if m.Limit > 0 && t.count(m.Address) >= m.Limit {
		switch m.Full {
		case troupe.DropNewest:
			return t.bury(m.Address, mailbox.ErrFull.Error(), l.rec)
		case troupe.DropOldest:
			if err := t.dropOldest(m.Address); err != nil {
				return err
			}
		}
	}
	if l.late {
		return t.delay(m.Address, held.LaneOf(m.Priority), m.Due, l.rec)
	}
	return t.place(m.Address, *m, l.rec, 0)
}

// place puts mail where it can be fetched. If somebody owns the address and has all
// that lies there, it is handed over as it is written.
func (t *txn) place(address string, m mailbox.Mail, rec []byte, tries int) error {
	number, err := t.table(mail).NextSequence()
	if err != nil {
		return err
	}
	lane := held.LaneOf(m.Priority)
	rec[0] = byte(min(tries, maxCount))
	s := t.store
	b := s.boxOf(address)
	if b == nil {
		b = t.adopt(address)
	}
	if b == nil || !b.keepsUp(lane) {
		if b != nil {
			t.change(b).loaded[lane] = false
			t.then(func() { b.queue.More(lane) })
		} else {
			t.then(func() { s.offer(address) })
		}
		t.added(address, 1)
		return t.table(mail).Put(mailKey(address, lane, number), rec)
	}
	if tries == 0 {
		rec[0] = 1
	}
	d := t.change(b)
	d.last[lane] = number
	d.live[lane]++
	d.bytes += len(m.Body)
	it := &held.Item[ref]{
		Mail: m, Put: recordPut(rec), Lane: lane, Tries: tries, Safe: int(rec[0]),
		Ref: ref{number: number},
	}
	it.Mail.Limit, it.Mail.Full = 0, 0
	t.then(func() { b.add([]*held.Item[ref]{it}, [lanes]held.Behind{}) })
	t.added(address, 1)
	return t.table(mail).Put(mailKey(address, lane, number), rec)
}

// adopt gives an address without mail and owner to a session that waits, so that
// its mail can be handed over as it is written. It returns nil if there is none.
func (t *txn) adopt(address string) *box {
	s := t.store
	s.mu.Lock()
	x := s.hungry(address)
	s.mu.Unlock()
	if x == nil {
		return nil
	}
	from := addressKey(address)
	if k, _ := t.table(mail).Cursor().Seek(from); bytes.HasPrefix(k, from) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boxes[address] != nil || s.hungry(address) == nil {
		return nil
	}
	b := s.claim(x, address)
	b.disk.begun, b.disk.loaded = true, [lanes]bool{true, true, true}
	t.undo = append(t.undo, func() { b.present() }) // it has nothing
	return b
}

// maxID is how long an ID is that is remembered as it is. bbolt's keys have an end.
const maxID = 1 << 10

// idKey returns the key by which an ID is remembered.
func idKey(m *mailbox.Mail) []byte {
	k := addressKey(m.Address)
	if len(m.ID) <= maxID {
		return append(k, m.ID...)
	}
	sum := sha256.Sum256([]byte(m.ID))
	return append(append(k, m.ID[:maxID]...), sum[:]...)
}

// seen reports whether the mail's ID was put before.
func (t *txn) seen(m *mailbox.Mail) bool {
	if m.ID == "" {
		return false
	}
	v := t.table(ids).Get(idKey(m))
	return len(v) == 8 && keyTime(v) > t.now.UnixNano()
}

// remember remembers the mail's ID.
func (t *txn) remember(m *mailbox.Mail) error {
	k := idKey(m)
	until := timeKey(t.now.Add(t.store.remember).UnixNano(), nil)
	if err := t.table(ids).Put(k, until); err != nil {
		return err
	}
	return t.table(forget).Put(append(until[:8:8], k...), nil)
}

// forgetIDs forgets up to n IDs whose time has come.
func (t *txn) forgetIDs(n int) error {
	c := t.table(forget).Cursor()
	for k, _ := c.First(); k != nil && n > 0 && keyTime(k) <= t.now.UnixNano(); k, _ = c.First() {
		if v := t.table(ids).Get(k[8:]); bytes.Equal(v, k[:8]) {
			if err := t.table(ids).Delete(k[8:]); err != nil {
				return err
			}
		}
		if err := c.Delete(); err != nil {
			return err
		}
		n--
	}
	return nil
}

// count returns how much mail an address has, and goes on counting it.
func (t *txn) count(address string) int {
	s := t.store
	if n, known := s.counts[address]; known {
		return n
	}
	n := 0
	from := addressKey(address)
	c := t.table(mail).Cursor()
	for k, _ := c.Seek(from); k != nil && bytes.HasPrefix(k, from); k, _ = c.Next() {
		n++
	}
	if s.counts == nil {
		s.counts = make(map[string]int)
	}
	s.counts[address] = n
	return n
}

// added counts mail that has come to an address or, below zero, left it.
func (t *txn) added(address string, n int) {
	s := t.store
	if have, known := s.counts[address]; known {
		if s.counts[address] = have + n; have+n <= 0 {
			delete(s.counts, address)
		}
	}
	if n < 0 {
		t.then(func() { s.madeRoom(address) })
	}
}

// dropOldest makes the oldest mail of an address a dead letter, of the lowest
// priority there is; not what somebody has fetched.
func (t *txn) dropOldest(address string) error {
	b := t.store.boxOf(address)
	for lane := lanes - 1; lane >= 0; lane-- {
		from := laneKey(address, lane)
		k, v := t.table(mail).Cursor().Seek(from)
		if b != nil {
			if k, v = t.takeBack(b, lane); k == nil {
				k, v = t.table(mail).Cursor().Seek(mailKey(address, lane, b.disk.last[lane]+1))
			}
		}
		if k == nil || !bytes.HasPrefix(k, from) {
			continue
		}
		if err := t.bury(address, mailbox.ErrFull.Error(), bytes.Clone(v)); err != nil {
			return err
		}
		t.added(address, -1)
		return t.erase(bytes.Clone(k))
	}
	return nil
}

// takeBack takes the first mail that the owner of a box has not fetched out of his
// queue, and returns its key and record.
func (t *txn) takeBack(b *box, lane int) (key, rec []byte) {
	it := b.queue.Take(lane)
	if it == nil {
		return nil, nil
	}
	t.change(b).live[lane]--
	t.lighten(b, &it.Mail)
	t.undo = append(t.undo, func() { b.queue.Return(it) })
	key = b.key(it)
	return key, t.table(mail).Get(key)
}

// erase removes mail and what is known of it.
func (t *txn) erase(key []byte) error {
	if err := t.table(mail).Delete(key); err != nil {
		return err
	}
	return t.table(tried).Delete(key)
}

// bury makes a record a dead letter.
func (t *txn) bury(address, reason string, rec []byte) error {
	b := t.table(dead)
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	if limit := t.store.letters; limit > 0 && n > uint64(limit) {
		if k, _ := b.Cursor().First(); k != nil && binary.BigEndian.Uint64(k) <= n-uint64(limit) {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
	}
	return b.Put(binary.BigEndian.AppendUint64(nil, n), newLetter(address, reason, t.now, rec))
}

// awaitRoom returns what is closed when mail has left a full address. Whoever writes
// calls it, so that nothing leaves unseen.
func (s *Store) awaitRoom(address string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.room[address]
	if c == nil {
		c = make(chan struct{})
		s.room[address] = c
	}
	return c
}

// madeRoom lets those try again who wait for room.
func (s *Store) madeRoom(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.room[address]; c != nil {
		close(c)
		delete(s.room, address)
	}
}
