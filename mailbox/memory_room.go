package mailbox

import (
	"context"

	"github.com/troupe-go/troupe"
)

// makeRoom does what the policy says when the box is full. The lock is held on
// entry, and on return if the mail is to be put.
func (b *box) makeRoom(ctx context.Context, mail *Mail, limit int, full troupe.Overflow) (put bool, err error) {
	switch full {
	case troupe.Block:
		if err := b.await(ctx, limit); err != nil {
			return false, err
		}
		return true, nil
	case troupe.Refuse:
		b.mu.Unlock()
		return false, ErrFull
	case troupe.DropNewest:
		b.mu.Unlock()
		it := newItem(mail)
		it.put = b.store.clock.read()
		b.store.bury(b.address, it, ErrFull.Error())
		return false, nil
	}
	if it, ok := b.takeOldest(); ok {
		b.store.bury(b.address, it, ErrFull.Error())
	}
	return true, nil
}

// fullFor reports whether limit mails wait in the box. Who waits for room goes
// first.
func (b *box) fullFor(limit int) bool {
	n := b.waiting()
	if b.rare != nil {
		n += b.rare.granted + len(b.rare.blocked)
	}
	return n >= limit
}

// mayPut reports what would keep mail from being put.
func (m *Memory) mayPut(mail *Mail) error {
	if err := CheckAddress(mail.Address); err != nil {
		return err
	}
	limit, full := mail.Limit, mail.Full
	if limit <= 0 {
		limit, full = m.limit, m.full
	}
	if limit <= 0 || full == troupe.DropNewest || full == troupe.DropOldest {
		return nil
	}
	s := m.shard(mail.Address)
	s.mu.RLock()
	b := s.boxes[mail.Address]
	s.mu.RUnlock()
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fullFor(limit) {
		return ErrFull
	}
	return nil
}

// takeOldest removes the oldest mail that waits, of the lowest priority there is.
func (b *box) takeOldest() (item, bool) {
	for i := int(lowLane); i >= 0; i-- {
		l := b.lane(uint8(i))
		if l == nil {
			continue
		}
		if it, at := l.peek(); it != nil {
			old := *it
			l.remove(at)
			return old, true
		}
	}
	return item{}, false
}

// An idMemory remembers the IDs of mail for a time.
type idMemory struct {
	seen  map[mailID]struct{}
	queue []mailID // in the order in which they are forgotten
	until []int64  // when
}

type mailID struct{ address, id string }

// known reports whether mail with this ID was put before.
func (m *Memory) known(mail *Mail) bool {
	s := m.shard(mail.Address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids.forget(m.wall().UnixNano())
	_, known := s.ids.seen[mailID{mail.Address, mail.ID}]
	return known
}

// note remembers the mail's ID.
func (m *Memory) note(mail *Mail) {
	s := m.shard(mail.Address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids.seen == nil {
		s.ids.seen = make(map[mailID]struct{})
	}
	key := mailID{mail.Address, mail.ID}
	s.ids.seen[key] = struct{}{}
	s.ids.queue = append(s.ids.queue, key)
	s.ids.until = append(s.ids.until, m.wall().Add(m.remember).UnixNano())
}

func (d *idMemory) forget(now int64) {
	n := 0
	for n < len(d.until) && d.until[n] <= now {
		delete(d.seen, d.queue[n])
		n++
	}
	if n > 0 {
		d.queue, d.until = d.queue[n:], d.until[n:]
	}
}
