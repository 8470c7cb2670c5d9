package station

import (
	"errors"
	"hash/maphash"
	"iter"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// A resident is an address that this station owns at present: its box, its actor
// once there is one, and a turn. Whoever has the turn may fetch.
type resident struct {
	run     *run
	route   *route
	address string
	box     mailbox.Box
	quick   mailbox.ValueBox // the box, if it is one
	wakeMe  func()           // what Fetch is to call
	turn    atomic.Int32
	shaken  atomic.Bool // the actor is not the one that it was
	batch   int32       // how much to fetch at once; belongs to the turn

	stopping atomic.Bool  // a person has stopped the address
	retire   atomic.Bool  // it is to go when there is no mail
	notNow   atomic.Bool  // it is to go, and come back after a wait
	asleep   atomic.Int64 // since when it rests, in nanoseconds of the run
	until    atomic.Int64 // not to be retired before, likewise
	place    int32        // in the rest list, from 1; 0 if it is not there

	mu     sync.Mutex
	actor  worker    // nil if there is none yet, or any more
	active int       // handlers at work, if the route allows several
	next   *resident // in the queue
}

// Where the turn of a resident is.
const (
	inHand   int32 = iota // a hand has it
	awoken                // a hand has it, and there may be mail since it looked last
	atRest                // nobody has it; mail wakes the resident
	inQueue               // the next hand that is free takes it
	parked                // as many handlers are at work as may be
	departed              // nobody will have it
)

const maxBatch = 64

// admit makes a resident of a box.
func (r *run) admit(s *seat, box mailbox.Box) {
	res := &resident{run: r, address: box.Address(), box: box, batch: 1}
	if res.route = r.routeOf(s, box); res.route == nil {
		_ = box.Release(time.Minute) // what Accept refuses and still comes
		return
	}
	if res.route.values {
		res.quick, _ = box.(mailbox.ValueBox)
	}
	res.wakeMe = res.wake
	res.turn.Store(inQueue)
	r.residents.put(res)
	r.enqueue(res)
}

func (r *run) routeOf(s *seat, box mailbox.Box) *route {
	if address := box.Address(); !isSchedule(address) {
		if route := r.table.find(address); route != nil && route.bind != nil {
			return route
		}
		return nil
	}
	_, values := s.store.(mailbox.ValueStore) // a value cannot be kept by a ledger
	if _, keeps := box.(mailbox.Ledger); keeps && !values {
		return s.schedules[1]
	}
	return s.schedules[0]
}

// wake is called by the box when there is mail.
func (res *resident) wake() {
	for {
		switch turn := res.turn.Load(); turn {
		case atRest:
			if res.turn.CompareAndSwap(atRest, inQueue) {
				res.run.enqueue(res)
				return
			}
		case inHand:
			if res.turn.CompareAndSwap(inHand, awoken) {
				return
			}
		default:
			return // it will be fetched from anyway
		}
	}
}

// sleep lets the resident rest, unless mail has come since it looked.
func (res *resident) sleep() bool {
	now := int64(time.Since(res.run.born))
	res.asleep.Store(now)
	if res.turn.CompareAndSwap(inHand, atRest) {
		res.run.rest.add(res, now)
		return true
	}
	res.turn.Store(inHand)
	return false
}

// requeue passes the turn on to another hand.
func (res *resident) requeue() {
	res.turn.Store(inQueue)
	res.run.enqueue(res)
}

// leave takes the resident out of the house. Its address can be another's from
// the Release on, so that comes last.
func (res *resident) leave(later time.Duration) {
	res.turn.Store(departed)
	res.run.residents.remove(res)
	res.run.rest.remove(res)
	defer func() { _ = res.box.Release(later) }()
	if w := res.work(); w != nil {
		retireActor(res, w)
	}
}

// quit is leave by whoever has the turn. While handlers are still at work it is put
// off: the last of them passes the turn on.
func (res *resident) quit(later time.Duration) {
	res.mu.Lock()
	busy := res.active > 0
	if busy {
		res.turn.Store(parked)
	}
	res.mu.Unlock()
	if !busy {
		res.leave(later)
	}
}

// dismiss is leave at the end of a run, when nobody else touches the resident. Its
// session gives the address back.
func (res *resident) dismiss() {
	res.turn.Store(departed)
	if w := res.work(); w != nil {
		retireActor(res, w)
	}
}

func retireActor(res *resident, w worker) {
	a, ok := w.actor().(Retirer)
	if !ok {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			res.run.report("Retire panicked", res.address, &troupe.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	a.Retire()
}

// work returns the actor, nil if there is none.
func (res *resident) work() worker {
	res.mu.Lock()
	defer res.mu.Unlock()
	return res.actor
}

// employ sets the actor; nil throws the old one away.
func (res *resident) employ(w worker) {
	res.mu.Lock()
	defer res.mu.Unlock()
	res.actor = w
	res.shaken.Store(w == nil)
}

// dispose retires the actor, as if its address were idle.
func (res *resident) dispose() {
	if w := res.work(); w != nil {
		res.employ(nil)
		retireActor(res, w)
	}
}

// settle tells the store of outcomes. An error means that the address has got
// another owner, who gets the mail again.
func (res *resident) settle(outcomes ...mailbox.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	res.complain(res.box.Settle(outcomes))
}

func (res *resident) complain(err error) {
	if err != nil && !errors.Is(err, mailbox.ErrLost) && !errors.Is(err, mailbox.ErrClosed) {
		res.run.report("an outcome was not taken", res.address, err)
	}
}

// residents finds residents by their address.
type residents struct {
	seed   maphash.Seed
	shards [64]residentShard
	quick  [4096]atomic.Pointer[resident] // those that were asked for last
}

type residentShard struct {
	mu sync.RWMutex
	m  map[string]*resident
	_  [32]byte
}

func (rs *residents) shard(address string) *residentShard {
	return &rs.shards[maphash.String(rs.seed, address)%64]
}

// get returns the resident of an address, nil if there is none. It may be one that
// has just left; forget it then.
func (rs *residents) get(address string) *resident {
	slot := rs.slot(address)
	if res := slot.Load(); res != nil && res.address == address {
		return res
	}
	res := rs.find(address)
	if res != nil {
		slot.Store(res)
	}
	return res
}

func (rs *residents) slot(address string) *atomic.Pointer[resident] {
	return &rs.quick[maphash.String(rs.seed, address)%uint64(len(rs.quick))]
}

func (rs *residents) forget(res *resident) { rs.slot(res.address).CompareAndSwap(res, nil) }

// find is get for those who want to know for certain.
func (rs *residents) find(address string) *resident {
	s := rs.shard(address)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.m[address]
}

func (rs *residents) put(res *resident) {
	s := rs.shard(res.address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]*resident)
	}
	s.m[res.address] = res
}

func (rs *residents) remove(res *resident) {
	s := rs.shard(res.address)
	s.mu.Lock()
	if s.m[res.address] == res {
		delete(s.m, res.address)
	}
	s.mu.Unlock()
	rs.forget(res)
}

// all yields the residents that there were when it came to their part.
func (rs *residents) all() iter.Seq[*resident] {
	return func(yield func(*resident) bool) {
		for i := range rs.shards {
			s := &rs.shards[i]
			s.mu.RLock()
			some := make([]*resident, 0, len(s.m))
			for _, res := range s.m {
				some = append(some, res)
			}
			s.mu.RUnlock()
			for _, res := range some {
				if !yield(res) {
					return
				}
			}
		}
	}
}
