package station

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// A run is a station that serves. An address's way: a dispatcher gets its box from
// a session → it becomes a resident and waits in the queue → a hand, a handler
// process that belongs to no address, takes it, handles its mail and puts it to
// rest → mail wakes it, and it waits in the queue again, or it is retired.
type run struct {
	station *Station
	self    *troupe.Self[Note]
	log     *slog.Logger
	table   *table
	born    time.Time
	ctx     context.Context // of the dispatchers; ends when no more mail is fetched
	stop    context.CancelFunc
	helpers sync.WaitGroup // dispatchers and watchers
	seats   []*seat

	residents residents
	rest      restList

	waiting    atomic.Int32 // how many residents are in the queue
	mu         sync.Mutex
	room       sync.Cond // the queue has become empty, or the run is closing
	head, tail *resident // wait for a hand
	hands      map[troupe.PID]*hand
	idle       []*hand
	away       int  // hands that wait for an answer, and do not count
	rousing    bool // a hand was woken or hired and has not looked at the queue yet
	closing    bool
}

// A seat is the station's session at one store.
type seat struct {
	store     mailbox.Store
	session   mailbox.Session
	schedules [2]*route // how schedules are served: in boxes that are no ledgers, and in ledgers
}

// begin opens a session at each store.
func (s *Station) begin(self *troupe.Self[Note]) (*run, error) {
	r := &run{station: s, self: self, log: s.log, born: time.Now(), hands: make(map[troupe.PID]*hand)}
	if r.log == nil {
		r.log = self.Node().Logger()
	}
	r.room.L = &r.mu
	r.rest.run = r
	r.residents.seed = maphash.MakeSeed()
	s.mu.Lock()
	if s.run.Load() != nil {
		s.mu.Unlock()
		return nil, ErrRunning
	}
	r.table = s.table.Load()
	s.run.Store(r)
	s.mu.Unlock()
	self.TrapExit(true)
	r.ctx, r.stop = context.WithCancel(self)
	if err := r.open(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *run) open() error {
	seen := make(map[mailbox.Store]bool)
	for _, store := range r.table.stores(r.station) {
		if seen[store] {
			continue
		}
		seen[store] = true
		accept := func(address string) bool {
			route := r.table.find(address)
			return route != nil && route.bind != nil && r.station.storeFor(route) == store || isSchedule(address)
		}
		session, err := store.Serve(context.WithoutCancel(r.self), mailbox.Serving{Accept: accept})
		if err != nil {
			return fmt.Errorf("station: cannot serve the mail of a store: %w", err)
		}
		r.seats = append(r.seats, &seat{store, session, [2]*route{
			r.station.scheduleRoute(store, false), r.station.scheduleRoute(store, true),
		}})
	}
	return nil
}

// stores returns the stores whose mail is served, some more than once.
func (t *table) stores(s *Station) []mailbox.Store {
	stores := []mailbox.Store{s.store}
	for _, route := range t.routes {
		if route.bind != nil {
			stores = append(stores, s.storeFor(route))
		}
	}
	return stores
}

// serve is the life of a run.
func (r *run) serve() error {
	defer r.close()
	for _, seat := range r.seats {
		r.helpers.Go(func() { r.dispatch(seat) })
	}
	r.watchAll()
	r.self.Ready()
	for m := range r.self.Messages() {
		switch {
		case m.Event == troupe.Sent:
			if m.Body.failed != nil {
				return m.Body.failed
			}
		case m.Event != troupe.Exit:
		case r.lose(m.From, m.Reason):
		case troupe.IsNormal(m.Reason): // of a stranger
		default:
			return m.Reason
		}
	}
	return nil
}

// dispatch makes residents of the addresses that have mail.
func (r *run) dispatch(seat *seat) {
	for r.awaitRoom() {
		box, err := seat.session.Next(r.ctx)
		switch {
		case r.ctx.Err() != nil:
			if err == nil {
				_ = box.Release(0)
			}
			return
		case err != nil:
			_ = r.self.Ref().Send(context.Background(), Note{fmt.Errorf("station: a store gives no more mail: %w", err)})
			return
		}
		r.admit(seat, box)
	}
}

// awaitRoom waits until no resident waits for a hand.
func (r *run) awaitRoom() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.head != nil && !r.closing {
		r.room.Wait()
	}
	return !r.closing
}

// enqueue lets a resident wait for a hand.
func (r *run) enqueue(res *resident) {
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		return
	}
	if r.tail == nil {
		r.head = res
	} else {
		r.tail.next = res
	}
	r.tail = res
	r.waiting.Add(1)
	h := r.helper()
	r.mu.Unlock()
	r.rouse(h)
}

// helper returns an idle hand, or a new one, to be roused, if there is work for
// one and none is on its way. The lock is held.
func (r *run) helper() *hand {
	if r.rousing || r.closing || r.head == nil {
		return nil
	}
	var h *hand
	if n := len(r.idle); n > 0 {
		h = r.idle[n-1]
		r.idle = r.idle[:n-1]
	} else if len(r.hands) < r.station.limit+r.away {
		h = newHand(r)
		r.hands[h.ref.PID()] = h
	} else {
		return nil
	}
	h.roused, r.rousing = true, true
	return h
}

// rouse makes a hand look at the queue. If it was ended by a stranger another
// goes in its stead. That a new one cannot be had means that the process or its
// node is about to end.
func (r *run) rouse(h *hand) {
	for h != nil && h.ref.Send(context.Background(), look{}) != nil {
		r.mu.Lock() // lose will hear of its end
		h.roused, r.rousing = false, false
		if h = nil; len(r.idle) > 0 {
			h = r.helper()
		}
		r.mu.Unlock()
	}
}

// take gives a hand the next resident, nil if there is none; the hand is idle then.
func (r *run) take(h *hand) *resident {
	r.mu.Lock()
	if h.roused {
		h.roused, r.rousing = false, false
	}
	res := r.head
	if res == nil || r.closing {
		if !r.closing {
			r.idle = append(r.idle, h)
		}
		r.mu.Unlock()
		return nil
	}
	r.head, res.next = res.next, nil
	r.waiting.Add(-1)
	if r.head == nil {
		r.tail = nil
		r.room.Broadcast()
	}
	other := r.helper()
	r.mu.Unlock()
	r.rouse(other)
	return res
}

// lose is told of the end of a process, and reports whether it was a hand. What a
// fenced hand had in work has failed; the address goes on with another.
func (r *run) lose(pid troupe.PID, reason error) bool {
	r.mu.Lock()
	h := r.hands[pid]
	if h == nil {
		r.mu.Unlock()
		return false
	}
	delete(r.hands, pid)
	for i, other := range r.idle {
		if other == h {
			r.idle = append(r.idle[:i], r.idle[i+1:]...)
			break
		}
	}
	if h.roused {
		h.roused, r.rousing = false, false
	}
	other := r.helper()
	r.mu.Unlock()
	r.rouse(other)
	h.inherit(reason)
	return true
}

// report logs what went wrong at an address.
func (r *run) report(what, address string, err error) {
	r.log.Warn("station: "+what, "address", address, "error", err)
}

// close ends the run: no more mail is fetched, handlers are told to end and
// waited for, actors are retired, and all addresses go back to their stores.
func (r *run) close() {
	r.stop()
	r.mu.Lock()
	r.closing = true
	r.head, r.tail = nil, nil
	hands := make([]*hand, 0, len(r.hands))
	for _, h := range r.hands {
		hands = append(hands, h)
	}
	r.room.Broadcast()
	r.mu.Unlock()
	for _, h := range hands {
		_ = h.ref.PID().Exit(context.Background(), troupe.ErrShutdown)
	}
	for _, h := range hands {
		_ = h.ref.PID().Wait(context.Background())
		h.inherit(troupe.ErrShutdown)
	}
	r.helpers.Wait()
	r.rest.close()
	for res := range r.residents.all() {
		res.dismiss()
	}
	for _, seat := range r.seats {
		if err := seat.session.Close(); err != nil && !errors.Is(err, mailbox.ErrClosed) {
			r.log.Error("station: a store's session did not end well", "error", err)
		}
	}
	r.station.run.CompareAndSwap(r, nil)
}

// uncount makes a hand not count while it waits for another address, and recount
// makes it count again.
func (r *run) uncount() {
	r.mu.Lock()
	r.away++
	other := r.helper()
	r.mu.Unlock()
	r.rouse(other)
}

func (r *run) recount() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away--
}
