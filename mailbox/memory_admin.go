package mailbox

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

type memoryAddresses struct{ *Memory }

// Stop stops an address; see [Addresses].
func (m memoryAddresses) Stop(_ context.Context, address string) error {
	b, err := m.boxFor(address)
	if err != nil {
		return err
	}
	b.setStoppedAndUnlock(true)
	return nil
}

// Start starts an address; see [Addresses].
func (m memoryAddresses) Start(_ context.Context, address string) error {
	b, err := m.boxFor(address)
	if err != nil {
		return err
	}
	b.setStoppedAndUnlock(false)
	return nil
}

// Status returns what is known of an address; see [Addresses].
func (m memoryAddresses) Status(_ context.Context, address string) (Status, error) {
	if m.closed.Load() {
		return Status{}, ErrClosed
	}
	s := m.shard(address)
	s.mu.RLock()
	b := s.boxes[address]
	s.mu.RUnlock()
	if b == nil {
		return Status{Address: address}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status(), nil
}

// List returns what is known of addresses; see [Addresses].
func (m memoryAddresses) List(_ context.Context, q Query) ([]Status, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	var found []Status
	for i := range m.shards {
		m.eachBox(i, func(b *box) {
			defer b.mu.Unlock()
			if b.address > q.After && q.Covers(b.address) && (b.stopped || b.count() > 0) {
				found = append(found, b.status())
			}
		})
	}
	slices.SortFunc(found, func(a, b Status) int { return strings.Compare(a.Address, b.Address) })
	return found[:min(len(found), q.Most())], nil
}

// Totals adds everything up; see [Addresses].
func (m memoryAddresses) Totals(context.Context) (Totals, error) {
	var t Totals
	if m.closed.Load() {
		return t, ErrClosed
	}
	for i := range m.shards {
		m.eachBox(i, func(b *box) {
			s := b.status()
			b.mu.Unlock()
			t.Waiting += s.Waiting
			t.Delayed += s.Delayed
			if s.Waiting > 0 {
				t.Addresses++
			}
			if s.Stopped {
				t.Stopped++
			}
		})
	}
	m.dead.mu.Lock()
	defer m.dead.mu.Unlock()
	t.DeadLetters = len(m.dead.letters)
	return t, nil
}

// deadBox holds the dead letters of a Memory.
type deadBox struct {
	mu      sync.Mutex
	limit   int
	number  uint64
	letters []DeadLetter // in the order of their keys
}

// bury makes an item a dead letter.
func (m *Memory) bury(address string, it item, reason string) {
	d := DeadLetter{Reason: reason, Count: int(it.count), Put: time.Unix(0, it.put), Died: m.wall()}
	if it.mail != nil {
		d.Mail = *it.mail
	}
	d.Address, d.Value = address, it.value
	b := &m.dead
	b.mu.Lock()
	defer b.mu.Unlock()
	b.number++
	d.Key = letterKey(b.number)
	b.letters = append(b.letters, d)
	if over := len(b.letters) - b.limit; over > 0 {
		b.letters = slices.Delete(b.letters, 0, over)
	}
}

// take removes letters.
func (b *deadBox) take(keys []string) (taken []DeadLetter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		i, found := slices.BinarySearchFunc(b.letters, key, func(d DeadLetter, key string) int {
			return strings.Compare(d.Key, key)
		})
		if found {
			taken = append(taken, b.letters[i])
			b.letters = slices.Delete(b.letters, i, i+1)
		}
	}
	return taken
}

type memoryLetters struct{ *Memory }

// List returns dead letters; see [DeadLetters].
func (m memoryLetters) List(_ context.Context, q Query) ([]DeadLetter, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	b := &m.dead
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []DeadLetter
	for _, d := range b.letters {
		if d.Key > q.After && q.Covers(d.Address) && len(found) < q.Most() {
			found = append(found, d)
		}
	}
	return found, nil
}

// Replay puts dead letters to their addresses; see [DeadLetters].
func (m memoryLetters) Replay(_ context.Context, keys ...string) (int, error) {
	if m.closed.Load() {
		return 0, ErrClosed
	}
	letters := m.dead.take(keys)
	for _, d := range letters {
		d.Due = time.Time{}
		m.lockBox(d.Address).pushAndUnlock(newItem(&d.Mail))
	}
	return len(letters), nil
}

// Purge forgets dead letters; see [DeadLetters].
func (m memoryLetters) Purge(_ context.Context, keys ...string) (int, error) {
	if m.closed.Load() {
		return 0, ErrClosed
	}
	return len(m.dead.take(keys)), nil
}

// Totals and List would else be ambiguous between the two halves of a store.
var (
	_ Addresses   = memoryAddresses{}
	_ DeadLetters = memoryLetters{}
)
