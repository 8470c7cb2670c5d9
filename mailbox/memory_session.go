package mailbox

import (
	"context"
	"sync"
	"time"
)

// A desk gives boxes that have mail to sessions, and looks after boxes that want
// to be looked at later. Its lock comes after that of a box.
type desk struct {
	store    *Memory
	mu       sync.Mutex
	sessions []*session
	ready    []*box // in the order they came; from head on
	head     int
	alarms   []alarm // a heap by at
	timer    *time.Timer
	set      int64         // when the timer goes off; 0 if it is not set
	lead     time.Duration // how far the clock on the wall was ahead of the store's when it was set
}

// A session serves addresses of a Memory.
type session struct {
	desk   *desk
	accept func(string) bool
	window int
	token  chan struct{} // there may be something on the desk
	done   chan struct{} // closed with the session
	stop   func() bool   // of the wait for the context's end

	mu     sync.Mutex
	owned  *tenure
	closed bool
}

// Serve begins a session; see [Store.Serve].
func (m *Memory) Serve(ctx context.Context, how Serving) (Session, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	s := &session{
		desk: &m.desk, accept: how.Accept, window: how.Window,
		token: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if s.window <= 0 {
		s.window = DefaultWindow
	}
	d := &m.desk
	d.mu.Lock()
	d.sessions = append(d.sessions, s)
	d.mu.Unlock()
	s.stop = context.AfterFunc(ctx, func() { s.Close() })
	m.offerAll()
	return s, nil
}

// offerAll lays every box on the desk that has mail.
func (m *Memory) offerAll() {
	for i := range m.shards {
		m.eachBox(i, func(b *box) { b.offerAndUnlock() })
	}
}

// eachBox calls f, which unlocks it, with each box of a shard.
func (m *Memory) eachBox(i int, f func(*box)) {
	s := &m.shards[i]
	s.mu.RLock()
	boxes := make([]*box, 0, len(s.boxes))
	for _, b := range s.boxes {
		boxes = append(boxes, b)
	}
	s.mu.RUnlock()
	for _, b := range boxes {
		b.mu.Lock()
		f(b)
	}
}

// push lays a box on the desk and reports true, unless nobody would take it. The
// box's lock is held.
func (d *desk) push(b *box) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := false
	for _, s := range d.sessions {
		if s.accepts(b.address) {
			taken = true
			s.knock()
		}
	}
	if taken {
		d.ready = append(d.ready, b)
	}
	return taken
}

func (s *session) accepts(address string) bool { return s.accept == nil || s.accept(address) }

// knock makes a Next look at the desk.
func (s *session) knock() {
	select {
	case s.token <- struct{}{}:
	default:
	}
}

// pop takes the first box for the session from the desk.
func (d *desk) pop(s *session) *box {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := d.head; i < len(d.ready); i++ {
		b := d.ready[i]
		if !s.accepts(b.address) {
			continue
		}
		copy(d.ready[d.head+1:i+1], d.ready[d.head:i])
		d.ready[d.head] = nil
		d.head++
		if d.head == len(d.ready) || d.head > 1024 && d.head > len(d.ready)/2 {
			d.ready = append(d.ready[:0:0], d.ready[d.head:]...)
			d.head = 0
		}
		if d.head < len(d.ready) {
			s.knock()
		}
		return b
	}
	return nil
}

// Next waits for a box; see [Session].
func (s *session) Next(ctx context.Context) (Box, error) {
	for {
		if b := s.desk.pop(s); b != nil {
			if t := s.claim(b); t != nil {
				return t, nil
			}
			continue
		}
		select {
		case <-s.token:
		case <-s.done:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// claim makes the session the owner of a box that was on the desk, if there is
// still mail in it.
func (s *session) claim(b *box) *tenure {
	b.mu.Lock()
	b.queued = false
	if b.gone || b.owner != nil || !b.ready() {
		b.sweepAndUnlock()
		return nil
	}
	t := &tenure{box: b, session: s}
	if !s.add(t) {
		b.offerAndUnlock()
		return nil
	}
	if b.rare != nil {
		b.rare.rest = 0
	}
	b.owner = t
	b.mu.Unlock()
	return t
}

func (s *session) add(t *tenure) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	t.next = s.owned
	if t.next != nil {
		t.next.prev = t
	}
	s.owned = t
	return true
}

func (s *session) remove(t *tenure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case t.prev != nil:
		t.prev.next = t.next
	case s.owned == t:
		s.owned = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}

// Flush has nothing to do: what is settled is done.
func (s *session) Flush(context.Context) error { return nil }

// Close gives back all addresses; see [Session].
func (s *session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	owned := s.owned
	s.owned = nil
	close(s.done)
	s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
	left := s.desk.dismiss(s)
	for t := owned; t != nil; {
		next := t.next
		t.end()
		t = next
	}
	for _, b := range left {
		b.mu.Lock()
		b.queued = false
		b.offerAndUnlock()
	}
	return nil
}

// end is the end of a tenure with its session. Its owner may wait for mail, and
// is woken to see that there will be none.
func (t *tenure) end() {
	b := t.box
	b.mu.Lock()
	if b.owner != t {
		b.mu.Unlock()
		return
	}
	wake := t.wake
	t.leaveAndUnlock()
	if wake != nil {
		wake()
	}
}

// dismiss takes a session off the desk and returns the boxes that nobody else
// would take.
func (d *desk) dismiss(s *session) (left []*box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, other := range d.sessions {
		if other == s {
			d.sessions = append(d.sessions[:i], d.sessions[i+1:]...)
			break
		}
	}
	keep := d.ready[:0]
	for _, b := range d.ready[d.head:] {
		if d.someoneAccepts(b.address) {
			keep = append(keep, b)
		} else {
			left = append(left, b)
		}
	}
	clear(d.ready[len(keep):])
	d.ready, d.head = keep, 0
	return left
}

func (d *desk) someoneAccepts(address string) bool {
	for _, s := range d.sessions {
		if s.accepts(address) {
			return true
		}
	}
	return false
}

// close ends all sessions.
func (d *desk) close() {
	d.mu.Lock()
	sessions := append([]*session(nil), d.sessions...)
	if d.timer != nil {
		d.timer.Stop()
	}
	d.alarms = nil
	d.mu.Unlock()
	for _, s := range sessions {
		s.Close()
	}
}
