package redis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// A Session owns addresses; see mailbox.Session. It has three goroutines: one looks for
// addresses (find.go), one speaks for its boxes (turn.go), one keeps the lease.
type Session struct {
	store  *Store
	accept func(string) bool
	window int

	alive  context.Context // until it is closed
	end    context.CancelFunc
	closed sync.Once
	err    error // of Close
	doing  sync.WaitGroup

	mu     sync.Mutex
	name   string // new after each loss of the lease
	offers []*box // owned, and not returned by Next yet
	since  time.Time
	asked  int // callers of Next that wait
	offer  chan struct{}
	expiry *time.Timer // at the end of the lease

	find   finder
	turns  turner
	dueNow chan struct{}
}

// Serve begins a session; see mailbox.Store.
func (s *Store) Serve(ctx context.Context, how mailbox.Serving) (mailbox.Session, error) {
	if s.isClosed() {
		return nil, errClosed
	}
	x := &Session{store: s, accept: how.Accept, window: how.Window, offer: make(chan struct{}, 1), dueNow: make(chan struct{}, 1)}
	if x.accept == nil {
		x.accept = func(string) bool { return true }
	}
	if x.window <= 0 {
		x.window = mailbox.DefaultWindow
	}
	x.alive, x.end = context.WithCancel(context.WithoutCancel(ctx))
	x.find.init(x)
	x.turns.init(x)
	x.expiry = time.AfterFunc(time.Hour, x.lose)
	x.expiry.Stop()
	if err := x.begin(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sessions[x] = struct{}{}
	s.mu.Unlock()
	x.doing.Go(x.keep)
	x.doing.Go(x.find.run)
	x.doing.Go(x.turns.run)
	context.AfterFunc(ctx, func() { x.Close() })
	if s.isClosed() {
		x.Close()
		return nil, errClosed
	}
	return x, nil
}

// begin takes a new name and a lease for it.
func (x *Session) begin(ctx context.Context) error {
	s := x.store
	s.mu.Lock()
	s.serial++
	name := fmt.Sprintf("%s.%d~%d", s.id, s.serial, s.lease.Milliseconds())
	s.mu.Unlock()
	for _, root := range s.roots {
		s.hub.join(root + ":s:" + name)
	}
	sent := time.Now()
	for _, root := range s.roots {
		if _, err := s.eval(ctx, renewScript, root, name, s.lease.Milliseconds(), "1"); err != nil {
			x.leave(name)
			return err
		}
	}
	x.mu.Lock()
	x.name = name
	x.mu.Unlock()
	x.expiry.Reset(time.Until(sent.Add(s.lease)))
	return nil
}

func (x *Session) leave(name string) {
	for _, root := range x.store.roots {
		x.store.hub.leave(root + ":s:" + name)
	}
}

func (x *Session) called() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.name
}

// keep renews the lease, and moves delayed mail that is due.
func (x *Session) keep() {
	lease := time.NewTicker(x.store.lease / 3)
	defer lease.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-x.alive.Done():
			return
		case <-lease.C:
			x.renew()
			x.giveUpOffers()
		case <-due.C:
			x.moveDue(due)
		case <-x.dueNow:
			x.moveDue(due)
		}
	}
}

// renew renews the lease once. If that fails, it will try again at the next tick; when
// the lease has ended, expiry takes all addresses away.
func (x *Session) renew() {
	s, name, sent := x.store, x.called(), time.Now()
	ctx, cancel := context.WithTimeout(x.alive, s.lease/2)
	defer cancel()
	if name == "" {
		if err := x.begin(ctx); err == nil {
			x.lookAgain()
		}
		return
	}
	for _, root := range s.roots {
		reply, err := s.eval(ctx, renewScript, root, name, s.lease.Milliseconds(), "0")
		if err != nil {
			if x.alive.Err() == nil {
				s.log(fmt.Errorf("redis: renewing a lease: %w", err))
			}
			return
		}
		if reply == "LOST" {
			x.lose()
			return
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.name == name && x.alive.Err() == nil {
		x.expiry.Reset(time.Until(sent.Add(s.lease)))
	}
}

// lose takes all addresses away, because the lease has ended. The next renewal begins
// anew.
func (x *Session) lose() {
	x.mu.Lock()
	name := x.name
	x.name, x.offers = "", nil
	x.mu.Unlock()
	if name == "" {
		return
	}
	for _, b := range x.store.boxesOf(name) {
		b.lose()
	}
	go x.leave(name) // Redis may be away
}

// moveDue moves delayed mail that is due and says when to come again.
func (x *Session) moveDue(due *time.Timer) {
	next := time.Duration(-1)
	for _, root := range x.store.roots {
		reply, err := x.store.eval(x.alive, dueScript, root)
		wait := time.Second // after an error
		if ms, ok := reply.(int64); ok && err == nil {
			wait = time.Duration(ms) * time.Millisecond
		}
		if wait >= 0 && (next < 0 || wait < next) {
			next = wait
		}
	}
	if next < 0 {
		due.Stop()
		return
	}
	due.Reset(min(next, time.Minute)) // clocks may jump
}

func (x *Session) lookAtDue() {
	select {
	case x.dueNow <- struct{}{}:
	default:
	}
}

// boxesOf returns the boxes that a session owns.
func (s *Store) boxesOf(name string) (all []*box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boxes {
		if b.owner == name {
			all = append(all, b)
		}
	}
	return all
}

// Next waits for an address; see mailbox.Session.
func (x *Session) Next(ctx context.Context) (mailbox.Box, error) {
	for {
		x.mu.Lock()
		switch {
		case x.alive.Err() != nil:
			x.mu.Unlock()
			return nil, errClosed
		case ctx.Err() != nil:
			x.mu.Unlock()
			return nil, context.Cause(ctx)
		case len(x.offers) > 0:
			b := x.offers[0]
			x.offers = x.offers[1:]
			if len(x.offers) > 0 {
				x.signal()
			}
			x.mu.Unlock()
			return b, nil
		}
		x.asked++
		x.mu.Unlock()
		x.look()
		select {
		case <-x.offer:
		case <-x.alive.Done():
		case <-ctx.Done():
		}
		x.mu.Lock()
		x.asked--
		x.mu.Unlock()
	}
}

// signal wakes one caller of Next.
func (x *Session) signal() {
	select {
	case x.offer <- struct{}{}:
	default:
	}
}

// giveUpOffers releases addresses that Next could have had for a while: another
// program may have time for them.
func (x *Session) giveUpOffers() {
	x.mu.Lock()
	var offers []*box
	if time.Since(x.since) > x.store.lease/3 {
		offers, x.offers = x.offers, nil
	}
	x.mu.Unlock()
	for _, b := range offers {
		_ = b.Release(0) // unless it was lost
	}
}

// Flush waits until all outcomes are safe; see mailbox.Session.
func (x *Session) Flush(ctx context.Context) error {
	if x.alive.Err() != nil {
		return errClosed
	}
	return x.turns.flush(ctx)
}

// Close flushes and gives back all addresses; see mailbox.Session.
func (x *Session) Close() error {
	x.closed.Do(func() {
		name := x.called()
		x.end() // no more offers
		x.find.done.Wait()
		x.expiry.Stop()
		for _, b := range x.store.boxesOf(name) {
			b.queue.Fail(mailbox.ErrLost)
			if b.Release(0) == nil {
				b.lost()
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), x.store.patience)
		defer cancel()
		x.err = x.turns.flush(ctx)
		x.turns.end()
		x.doing.Wait()
		x.finish(name)
		s := x.store
		s.mu.Lock()
		delete(s.sessions, x)
		s.mu.Unlock()
	})
	return x.err
}

// finish takes the session out of Redis.
func (x *Session) finish(name string) {
	s := x.store
	if name == "" {
		return
	}
	x.leave(name)
	for _, root := range s.roots {
		for {
			left, err := s.eval(context.Background(), finishScript, root, name)
			if err != nil {
				return // the end of its lease will do it
			}
			if left == int64(0) {
				break
			}
		}
	}
}
