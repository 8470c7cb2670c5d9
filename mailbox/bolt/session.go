package bolt

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A session serves addresses of a Store.
type session struct {
	store  *Store
	accept func(string) bool
	window int
	token  chan struct{} // there may be an address to take
	done   chan struct{} // closed with the session
	once   sync.Once
	stop   func() bool // of the wait for the context's end

	// Guarded by the store's lock.
	waiting  int    // calls of Next that wait
	promised int    // boxes that were claimed and not returned by Next yet
	loaded   []*box // those of them that have mail at hand
}

// maxPromised is how many addresses a session claims ahead, so that what must be
// written before their mail may be delivered is written for all of them at once.
const maxPromised = 64

// maxReady is how many addresses lie ready in memory at most; more are found in the
// file when those have been taken.
const maxReady = 4096

// A scan goes through the file for addresses with mail.
type scan struct {
	due  bool   // there may be some that are not ready
	from []byte // where to go on; nil is the beginning
	mu   sync.Mutex
}

// Serve begins a session; see [mailbox.Store].
func (s *Store) Serve(ctx context.Context, how mailbox.Serving) (mailbox.Session, error) {
	x := &session{
		store: s, accept: how.Accept, window: how.Window,
		token: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if x.window <= 0 {
		x.window = mailbox.DefaultWindow
	}
	s.mu.Lock()
	if s.closed.Load() {
		s.mu.Unlock()
		return nil, mailbox.ErrClosed
	}
	s.sessions = append(s.sessions, x)
	s.scan.due, s.scan.from = true, nil
	s.mu.Unlock()
	x.knock()
	x.stop = context.AfterFunc(ctx, func() { x.Close() })
	return x, nil
}

func (x *session) accepts(address string) bool { return x.accept == nil || x.accept(address) }

// knock makes a Next look for an address.
func (x *session) knock() {
	select {
	case x.token <- struct{}{}:
	default:
	}
}

// boxOf returns the box of an address that has an owner, or nil.
func (s *Store) boxOf(address string) *box {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boxes[address]
}

func (s *Store) owns(b *box) bool { return s.boxOf(b.address) == b }

// offer makes an address ready to be taken, if it may be.
func (s *Store) offer(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offerLocked(address)
}

func (s *Store) offerLocked(address string) {
	if _, queued := s.queued[address]; queued || s.boxes[address] != nil {
		return
	}
	if _, stopped := s.stopped[address]; stopped {
		return
	}
	if _, resting := s.resting[address]; resting {
		return
	}
	wanted := false
	for _, x := range s.sessions {
		if x.accepts(address) {
			wanted = true
			x.knock()
		}
	}
	switch {
	case !wanted:
	case len(s.ready) >= maxReady:
		s.scan.due = true
	default:
		s.ready = append(s.ready, address)
		s.queued[address] = struct{}{}
	}
}

// Next waits for an address with mail; see [mailbox.Session].
func (x *session) Next(ctx context.Context) (mailbox.Box, error) {
	for {
		select {
		case <-x.done:
			return nil, mailbox.ErrClosed
		default:
		}
		b, claimed, scan := x.take()
		for _, b := range claimed {
			b.Load()
		}
		switch {
		case b != nil:
			return b, nil
		case scan:
			if err := x.store.search(); err != nil {
				x.leaves()
				return nil, err
			}
			x.leaves()
			continue
		}
		select {
		case <-x.token:
			x.leaves()
		case <-x.done:
			x.leaves()
			return nil, mailbox.ErrClosed
		case <-ctx.Done():
			x.leaves()
			x.knock() // for another Next
			return nil, context.Cause(ctx)
		}
	}
}

func (x *session) leaves() {
	x.store.mu.Lock()
	defer x.store.mu.Unlock()
	x.waiting--
}

// take returns a box whose mail is at hand. If there is none, it claims addresses
// that are ready, whose mail is then to be loaded, and says whether the file must
// be searched for more; Next waits then.
func (x *session) take() (b *box, claimed []*box, scan bool) {
	s := x.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(x.loaded) > 0 {
		b = x.loaded[0]
		x.loaded[0] = nil
		x.loaded = x.loaded[1:]
		x.promised--
		if len(x.loaded) > 0 || len(s.ready) > 0 || s.scan.due {
			x.knock()
		}
		return b, nil, false
	}
	x.waiting++
	rest := s.ready[:0]
	for _, address := range s.ready {
		if x.promised >= maxPromised || !x.accepts(address) {
			rest = append(rest, address)
			continue
		}
		delete(s.queued, address)
		b := s.claim(x, address)
		claimed = append(claimed, b)
	}
	clear(s.ready[len(rest):])
	s.ready = rest
	return nil, claimed, len(claimed) == 0 && s.scan.due && len(s.ready) < maxReady
}

// claim makes a session the owner of an address that has none. The lock is held.
func (s *Store) claim(x *session, address string) *box {
	b := &box{store: s, session: x, address: address, promised: true}
	b.queue = held.New[ref](b, x.window)
	s.boxes[address] = b
	x.promised++
	return b
}

// hungry returns a session that waits for addresses and would take this one at
// once, or nil. The lock is held.
func (s *Store) hungry(address string) *session {
	_, queued := s.queued[address]
	_, stopped := s.stopped[address]
	_, resting := s.resting[address]
	if queued || stopped || resting {
		return nil
	}
	for _, x := range s.sessions {
		if x.waiting > 0 && x.promised < maxPromised && x.accepts(address) {
			return x
		}
	}
	return nil
}

// present is called when a claimed box has got its mail, to be returned by Next, or
// turned out to have none.
func (b *box) present() {
	s, x := b.store, b.session
	n := b.queue.Len()
	s.mu.Lock()
	if !b.promised || s.boxes[b.address] != b {
		s.mu.Unlock()
		return
	}
	b.promised = false
	if _, stopped := s.stopped[b.address]; n > 0 && !stopped {
		x.loaded = append(x.loaded, b)
		x.knock()
		s.mu.Unlock()
		return
	}
	x.promised--
	x.knock() // for a Next that waits for this one
	s.mu.Unlock()
	b.leave(false, 0)
}

// search goes on through the file until it has found some addresses, or all.
func (s *Store) search() error {
	s.scan.mu.Lock()
	defer s.scan.mu.Unlock()
	s.mu.Lock()
	if !s.scan.due || len(s.ready) >= maxReady {
		s.mu.Unlock()
		return nil
	}
	from := s.scan.from
	if from == nil {
		s.scan.due = false // set again by who does not fit in
	}
	s.mu.Unlock()

	var found []string
	err := s.view(func(t *txn) error {
		c := t.table(mail).Cursor()
		k, _ := c.Seek(from)
		for k != nil && len(found) < maxReady/4 {
			address := string(k[:bytes.IndexByte(k, 0)])
			found = append(found, address)
			k, _ = c.Seek(behind(address))
		}
		from = nil
		if k != nil {
			from = bytes.Clone(k)
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scan.from = from; from != nil || err != nil {
		s.scan.due = true
	}
	for _, address := range found {
		s.offerLocked(address)
	}
	return err
}

// free is the end of a box's time with its owner.
func (s *Store) free(b *box, more bool, later time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.boxes, b.address)
	switch {
	case later > 0:
		at := time.Now().Add(later)
		s.resting[b.address] = at
		s.alarms.rest(b.address, at)
	case more || b.promised: // what lies in the file was not looked at
		s.offerLocked(b.address)
	}
}

// awake is the end of an address's rest.
func (s *Store) awake(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, resting := s.resting[address]
	if resting && !at.After(time.Now()) {
		delete(s.resting, address)
		s.offerLocked(address)
	}
}

// Flush returns when what was settled has been written; see [mailbox.Session].
func (x *session) Flush(ctx context.Context) error { return x.store.flush(ctx) }

// Close gives back all addresses; see [mailbox.Session].
func (x *session) Close() error {
	x.end()
	if x.store.closed.Load() {
		return nil
	}
	return x.store.flush(context.Background())
}

// end takes the session out of the store.
func (x *session) end() {
	x.once.Do(func() {
		s := x.store
		close(x.done)
		if x.stop != nil {
			x.stop()
		}
		s.mu.Lock()
		for i, other := range s.sessions {
			if other == x {
				s.sessions = append(s.sessions[:i], s.sessions[i+1:]...)
				break
			}
		}
		keep := s.ready[:0]
		for _, address := range s.ready {
			if s.wanted(address) {
				keep = append(keep, address)
			} else {
				delete(s.queued, address)
			}
		}
		s.ready = keep
		x.loaded, x.promised = nil, 0
		var owned []*box
		for _, b := range s.boxes {
			if b.session == x {
				owned = append(owned, b)
			}
		}
		s.mu.Unlock()
		for _, b := range owned {
			b.leave(true, 0)
		}
	})
}

// wanted reports whether a session accepts the address.
func (s *Store) wanted(address string) bool {
	for _, x := range s.sessions {
		if x.accepts(address) {
			return true
		}
	}
	return false
}
