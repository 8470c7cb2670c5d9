package jetstream

import (
	"context"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A Session owns addresses of the partitions that its program has; see mailbox.Session.
type Session struct {
	store  *Store
	accept func(string) bool
	window int

	alive  context.Context
	end    context.CancelFunc
	closed sync.Once
	err    error

	offer  chan struct{}
	offers []*addr // that it accepts and could have; guarded by the desk
	listed map[*addr]bool
}

// Serve begins a session; see mailbox.Store.
func (s *Store) Serve(ctx context.Context, how mailbox.Serving) (mailbox.Session, error) {
	if s.isClosed() {
		return nil, errClosed
	}
	x := &Session{store: s, accept: how.Accept, window: how.Window, offer: make(chan struct{}, 1), listed: map[*addr]bool{}}
	if x.accept == nil {
		x.accept = func(string) bool { return true }
	}
	if x.window <= 0 {
		x.window = mailbox.DefaultWindow
	}
	x.alive, x.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.clerk.join(ctx); err != nil {
		return nil, err
	}
	d := &s.desk
	d.mu.Lock()
	d.sessions[x] = struct{}{}
	for _, a := range d.addrs {
		d.offer(a)
	}
	d.mu.Unlock()
	context.AfterFunc(ctx, func() { x.Close() })
	if s.isClosed() {
		x.Close()
		return nil, errClosed
	}
	return x, nil
}

func (x *Session) signal() {
	select {
	case x.offer <- struct{}{}:
	default:
	}
}

// Next waits for an address; see mailbox.Session.
func (x *Session) Next(ctx context.Context) (mailbox.Box, error) {
	for {
		if x.alive.Err() != nil {
			return nil, errClosed
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if b := x.store.desk.take(x); b != nil {
			x.signal() // there may be more, for another caller
			return b, nil
		}
		select {
		case <-x.offer:
		case <-x.alive.Done():
		case <-ctx.Done():
		}
	}
}

// Flush waits until all outcomes are safe; see mailbox.Session.
func (x *Session) Flush(ctx context.Context) error {
	if x.alive.Err() != nil {
		return errClosed
	}
	return x.store.writer.flush(ctx)
}

// Close flushes and gives back all addresses; see mailbox.Session.
func (x *Session) Close() error {
	x.closed.Do(func() {
		x.end()
		s := x.store
		for _, b := range s.desk.boxes(func(b *box) bool { return b.session == x }) {
			b.queue.Fail(mailbox.ErrLost)
			if b.Release(0) == nil {
				close(b.gone)
			}
		}
		ctx, cancel := s.during(context.Background())
		defer cancel()
		x.err = s.writer.flush(ctx)
		s.desk.mu.Lock()
		delete(s.desk.sessions, x)
		last := len(s.desk.sessions) == 0
		s.desk.mu.Unlock()
		if last {
			s.clerk.leave()
		}
	})
	return x.err
}

// boxes returns the boxes for which f is true.
func (d *desk) boxes(f func(*box) bool) (some []*box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.addrs {
		if a.box != nil && f(a.box) {
			some = append(some, a.box)
		}
	}
	return some
}

// A box is an address that a session owns; see mailbox.Box.
type box struct {
	session *Session
	addr    *addr
	part    *partition
	queue   *held.Queue[ref]
	gone    chan struct{} // closed when it was lost

	mu   sync.Mutex
	over bool // released or lost
}

func newBox(x *Session, a *addr) *box {
	b := &box{session: x, addr: a, part: a.part, gone: make(chan struct{})}
	b.queue = held.New[ref](b, x.window)
	return b
}

// Address returns whose mail it is.
func (b *box) Address() string { return b.addr.name }

// Fetch is that of mailbox.Box.
func (b *box) Fetch(into []mailbox.Delivery, wake func()) (int, error) {
	return b.queue.Fetch(into, wake)
}

// Settle is that of mailbox.Box.
func (b *box) Settle(outcomes []mailbox.Outcome) error { return b.queue.Settle(outcomes) }

// Lost is that of mailbox.Box.
func (b *box) Lost() <-chan struct{} { return b.gone }

// Release is that of mailbox.Box.
func (b *box) Release(later time.Duration) error {
	b.mu.Lock()
	over := b.over
	b.over = true
	b.mu.Unlock()
	if over {
		return mailbox.ErrLost
	}
	b.queue.Close()
	b.session.store.writer.release(b, later)
	return nil
}

// lose says that the partition belongs to somebody else.
func (b *box) lose() {
	b.mu.Lock()
	over := b.over
	b.over = true
	b.mu.Unlock()
	if over {
		return
	}
	b.queue.Fail(mailbox.ErrLost)
	b.queue.Close()
	close(b.gone)
}

// room reports whether the queue has place for more in a lane.
func (b *box) room(lane int) bool { return b.queue.Waiting(lane) < 2*b.session.window }

// Load, Bump and Settled make a box a held.Source.

func (b *box) Load() { b.session.store.writer.load(b) }

func (b *box) Bump(items []*item) { b.session.store.writer.bump(b, items) }

func (b *box) Settled(done []held.Outcome[ref]) { b.session.store.writer.settled(b, done) }
