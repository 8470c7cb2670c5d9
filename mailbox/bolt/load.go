package bolt

import (
	"bytes"
	"encoding/binary"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A givenBack is mail that was marked as delivered and was not.
type givenBack struct {
	key   string
	tries byte
}

// giveBack writes down that mail was not delivered after all. Until it is written, or
// the mail has been loaded again, it is in given.
func (s *Store) giveBack(b *box, items []*held.Item[ref]) {
	var marked []*givenBack
	for _, it := range items {
		if it.Marked() {
			marked = append(marked, &givenBack{string(b.key(it)), byte(min(it.Tries, maxCount))})
		}
	}
	if len(marked) == 0 {
		return
	}
	s.mu.Lock()
	for _, g := range marked {
		s.given[g.key] = g
	}
	s.mu.Unlock()
	s.commit.later(&op{lazy: true, apply: func(t *txn) error {
		for _, g := range marked {
			if s.givenNow(g.key) != g || t.table(mail).Get([]byte(g.key)) == nil {
				continue // it was loaded again, or dropped
			}
			if err := t.table(tried).Put([]byte(g.key), []byte{g.tries}); err != nil {
				return err
			}
		}
		t.then(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, g := range marked {
				if s.given[g.key] == g {
					delete(s.given, g.key)
				}
			}
		})
		return nil
	}})
}

func (s *Store) givenNow(key string) *givenBack {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given[key]
}

// Load reads more mail; see [held.Source].
func (b *box) Load() {
	b.store.commit.later(&op{apply: func(t *txn) error {
		if !b.store.owns(b) {
			return nil
		}
		if b.disk.bytes > maxHeld {
			t.change(b).starve = true
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
		if d.bytes > maxHeld && len(items) > 0 {
			break
		}
		_, _, number, ok := split(k)
		if !ok {
			continue
		}
		key, rec := bytes.Clone(k), bytes.Clone(v)
		tries, err := t.tries(key, rec, number <= gone)
		if err != nil {
			return nil, false, err
		}
		it := &held.Item[ref]{Lane: lane, Ref: ref{number: number}, Tries: tries}
		m, put, err := openRecord(rec)
		if err != nil {
			m = mailbox.Mail{Body: rec, Encoding: "damaged"}
		}
		it.Mail, it.Put, it.Safe = m, put, max(it.Tries, 1)
		it.Mail.Address = b.address
		if it.Tries == 0 {
			mark = true // what was given back counts again from here on
			if err := t.table(tried).Delete(key); err != nil {
				return nil, false, err
			}
		}
		d.last[lane] = number
		d.bytes += len(it.Mail.Body)
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

// tries returns how often mail may have been delivered, and writes that down if it was
// given back.
func (t *txn) tries(key, rec []byte, out bool) (int, error) {
	if g := t.takeGiven(key); g != nil {
		return int(g.tries), t.table(tried).Put(key, []byte{g.tries})
	}
	if v := t.table(tried).Get(key); len(v) == 1 {
		return int(v[0]), nil
	}
	n := 0
	if len(rec) > 0 {
		n = recordCount(rec)
	}
	if out {
		n = max(n, 1)
	}
	return n, nil
}

// takeGiven takes what is not in the file yet, so that it will not be written over what
// whoever has loaded the mail writes.
func (t *txn) takeGiven(key []byte) *givenBack {
	s := t.store
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.given[string(key)]
	if g != nil {
		delete(s.given, g.key)
		t.undo = append(t.undo, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.given[g.key] = g
		})
	}
	return g
}

// Bump writes down that mail is delivered once more; see [held.Source].
func (b *box) Bump(items []*held.Item[ref]) {
	safe := make([]byte, len(items))
	for i, it := range items {
		safe[i] = byte(min(it.Tries+1, maxCount))
	}
	b.store.commit.later(&op{apply: func(t *txn) error {
		if !b.store.owns(b) {
			return nil // the next owner counts from what was given back
		}
		for i, it := range items {
			if err := t.table(tried).Put(b.key(it), safe[i:i+1]); err != nil {
				return err
			}
		}
		t.then(func() { b.queue.Bumped(items) })
		return nil
	}})
}
