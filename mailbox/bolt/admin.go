package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	bolt "go.etcd.io/bbolt"
)

type addresses struct{ *Store }

// Stop stops an address; see [mailbox.Addresses].
func (a addresses) Stop(ctx context.Context, address string) error {
	if err := mailbox.CheckAddress(address); err != nil {
		return err
	}
	s := a.Store
	return s.commit.do(ctx, 0, func(t *txn) error {
		t.then(func() { s.hold(address) })
		return t.table(stopped).Put([]byte(address), nil)
	})
}

// hold lets nobody fetch from an address any more.
func (s *Store) hold(address string) {
	s.mu.Lock()
	s.stopped[address] = struct{}{}
	if _, queued := s.queued[address]; queued {
		delete(s.queued, address)
		for i, ready := range s.ready {
			if ready == address {
				s.ready = append(s.ready[:i], s.ready[i+1:]...)
				break
			}
		}
	}
	b := s.boxes[address]
	s.mu.Unlock()
	if b != nil {
		b.queue.Fail(mailbox.ErrStopped)
	}
}

// Start starts an address; see [mailbox.Addresses].
func (a addresses) Start(ctx context.Context, address string) error {
	if err := mailbox.CheckAddress(address); err != nil {
		return err
	}
	s := a.Store
	return s.commit.do(ctx, 0, func(t *txn) error {
		k, _ := t.table(mail).Cursor().Seek(addressKey(address))
		some := bytes.HasPrefix(k, addressKey(address))
		t.then(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.stopped, address)
			delete(s.resting, address)
			if some {
				s.offerLocked(address)
			}
		})
		return t.table(stopped).Delete([]byte(address))
	})
}

// Status returns what is known of an address; see [mailbox.Addresses].
func (a addresses) Status(_ context.Context, address string) (st mailbox.Status, err error) {
	err = a.view(func(t *txn) error {
		st = t.status(address)
		return nil
	})
	return st, err
}

// status counts the mail of an address.
func (t *txn) status(address string) mailbox.Status {
	st := mailbox.Status{Address: address, Stopped: t.table(stopped).Get([]byte(address)) != nil}
	from := addressKey(address)
	lane := -1
	c := t.table(mail).Cursor()
	for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, from); k, v = c.Next() {
		st.Waiting++
		if _, l, _, ok := split(k); ok && l != lane && len(v) >= recordHead {
			lane = l // the first of its lane
			if put := recordPut(v); st.Oldest.IsZero() || put.Before(st.Oldest) {
				st.Oldest = put
			}
		}
	}
	c = t.table(late).Cursor()
	for k, _ := c.Seek(from); k != nil && bytes.HasPrefix(k, from); k, _ = c.Next() {
		st.Waiting++
		st.Delayed++
	}
	return st
}

// List returns what is known of addresses; see [mailbox.Addresses].
func (a addresses) List(_ context.Context, q mailbox.Query) (found []mailbox.Status, err error) {
	err = a.view(func(t *txn) error {
		for address := t.after(q.After); address != "" && len(found) < q.Most(); address = t.after(address) {
			if q.Covers(address) {
				found = append(found, t.status(address))
			} else if pastPrefix(q.Prefix, address) {
				break
			}
		}
		return nil
	})
	return found, err
}

// pastPrefix reports whether no address behind this one lies below the prefix.
func pastPrefix(prefix, address string) bool {
	n := min(len(prefix), len(address))
	return address[:n] > prefix[:n]
}

// after returns the first address behind this one that has mail or is stopped, ""
// if there is none.
func (t *txn) after(address string) string {
	var first []byte
	consider := func(found []byte) {
		if found != nil && (first == nil || bytes.Compare(found, first) < 0) {
			first = found
		}
	}
	for _, i := range []table{mail, late} {
		k, _ := t.table(i).Cursor().Seek(behind(address))
		if k != nil {
			consider(k[:bytes.IndexByte(k, 0)])
		}
	}
	k, _ := t.table(stopped).Cursor().Seek(behind(address))
	consider(k)
	return string(first)
}

// Totals adds everything up; see [mailbox.Addresses].
func (a addresses) Totals(context.Context) (sum mailbox.Totals, err error) {
	err = a.view(func(t *txn) error {
		sum.Delayed = keys(t.table(late))
		sum.Waiting = keys(t.table(mail)) + sum.Delayed
		sum.Stopped = keys(t.table(stopped))
		sum.DeadLetters = keys(t.table(dead))
		for address := t.after(""); address != ""; address = t.after(address) {
			sum.Addresses++
			if t.table(stopped).Get([]byte(address)) != nil && t.status(address).Waiting == 0 {
				sum.Addresses--
			}
		}
		return nil
	})
	return sum, err
}

// keys counts the keys of a bucket.
func keys(b *bolt.Bucket) (n int) { return b.Stats().KeyN }

type deadLetters struct{ *Store }

// List returns dead letters; see [mailbox.DeadLetters].
func (d deadLetters) List(_ context.Context, q mailbox.Query) (found []mailbox.DeadLetter, err error) {
	err = d.view(func(t *txn) error {
		n, _ := letterNumber(q.After)
		c := t.table(dead).Cursor()
		for k, v := c.Seek(letterKey(n + 1)); k != nil && len(found) < q.Most(); k, v = c.Next() {
			letter, err := openLetter(bytes.Clone(v))
			if err != nil {
				letter.Reason = err.Error()
			}
			if !q.Covers(letter.Address) {
				continue
			}
			letter.Key = strconv.FormatUint(binary.BigEndian.Uint64(k), 10)
			found = append(found, letter)
		}
		return nil
	})
	return found, err
}

func letterNumber(key string) (uint64, error) { return strconv.ParseUint(key, 10, 64) }

func letterKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Replay puts dead letters to their addresses; see [mailbox.DeadLetters].
func (d deadLetters) Replay(ctx context.Context, keys ...string) (n int, err error) {
	return d.take(ctx, keys, func(t *txn, v []byte) error {
		letter, err := openLetter(bytes.Clone(v))
		if err != nil {
			return nil //nolint:nilerr // what cannot be read cannot be replayed: it stays
		}
		letter.Due = time.Time{}
		rec := newRecord(&letter.Mail, t.now, 0)
		return t.place(letter.Address, letter.Mail, rec, 0)
	})
}

// Purge forgets dead letters; see [mailbox.DeadLetters].
func (d deadLetters) Purge(ctx context.Context, keys ...string) (int, error) {
	return d.take(ctx, keys, func(*txn, []byte) error { return nil })
}

// take removes letters, after f.
func (d deadLetters) take(ctx context.Context, keys []string, f func(*txn, []byte) error) (int, error) {
	taken := 0
	err := d.commit.do(ctx, 0, func(t *txn) error {
		taken = 0
		for _, key := range keys {
			number, err := letterNumber(key)
			if err != nil {
				continue
			}
			v := t.table(dead).Get(letterKey(number))
			if v == nil {
				continue
			}
			if err := f(t, v); err != nil {
				return err
			}
			if err := t.table(dead).Delete(letterKey(number)); err != nil {
				return err
			}
			taken++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return taken, nil
}
