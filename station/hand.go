package station

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// A hand is a handler process that handles the mail of one address after the
// other. An address at rest so costs no process, and a handler that hangs is a
// process that hangs: told to end, and fenced if it does not.
type hand struct {
	run    *run
	ref    troupe.Ref[look]
	self   *troupe.Self[look]
	roused bool // guarded by run.mu

	at    atomic.Int32       // what it is at; whoever sets fenced gets the rest
	res   *resident          // whose mail it has
	n     int                // how much
	buf   []delivery         // the mail
	raw   []mailbox.Delivery // where it lies if the store keeps bytes
	known int                // so much of it has an outcome; set when at becomes finishing
	odd   bool               // not all of that was simply handled
	out   []mailbox.Outcome  // if odd: the outcomes
	plain *mailContext       // for mail without a flow
	watch stopwatch
	late  bool // its last handler was, and it is being told to end
}

// look makes a hand look at the queue.
type look struct{}

// A delivery is mail in hand. In a store that keeps bytes Rest has its body.
type delivery = mailbox.ValueDelivery

// What a hand is at, unless it is the index of the delivery in work.
const (
	nothing   int32 = -1
	preparing int32 = -2 // an actor is being made
	finishing int32 = -3 // what becomes of a delivery is being worked out
	fenced    int32 = -4 // its process has ended: nothing that is still done counts
)

func newHand(r *run) *hand {
	h := &hand{run: r}
	h.at.Store(nothing)
	h.watch.hand = h
	h.ref = troupe.SpawnHandler(r.self, h, troupe.Linked(), troupe.Grace(r.station.grace))
	return h
}

// maxTurns is how many batches a hand handles before other processes get the
// processor.
const maxTurns = 32

// Handle takes residents from the queue until there are no more.
func (h *hand) Handle(self *troupe.Self[look], _ troupe.Message[look]) error {
	h.self = self
	whole := false
	defer func() {
		if !whole { // runtime.Goexit in a handler
			h.unwind()
		}
	}()
	err := h.turns()
	whole = true
	return err
}

func (h *hand) turns() error {
	for range maxTurns {
		res := h.run.take(h)
		if res == nil {
			return nil
		}
		alive := h.serve(res)
		switch {
		case h.late:
			return ErrTimeout
		case !alive || h.self.Err() != nil:
			return context.Cause(h.self)
		}
	}
	return h.ref.Send(h.self, look{})
}

// serve handles the mail of a resident until there is none, or others wait. It
// reports false if the hand has been fenced; the resident is not its any more then.
func (h *hand) serve(res *resident) (alive bool) {
	h.res = res
	if res.work() == nil {
		switch {
		case res.notNow.Swap(false):
			res.quit(res.route.opts.GateWait)
			return true
		case res.retire.Load() && res.finished():
			return true
		}
		if ready, alive := h.prepare(res); !ready {
			return alive
		}
	}
	res.turn.Store(inHand)
	for turn := 1; ; {
		n, err := h.fetch(res)
		switch {
		case err != nil:
			h.part(res, err)
			return true
		case n == 0 && (res.finished() || res.sleep()):
			return true
		case n == 0:
			continue
		case res.retire.Load():
			res.retire.Store(false) // it is not idle after all
		}
		if more, alive := h.handleAll(res, n); !alive {
			return false
		} else if res.route.opts.Parallel > 1 {
			return true
		} else if turn++; !more || turn > maxTurns || h.run.waiting.Load() > 0 {
			res.done()
			return true
		}
	}
}

// fetch gets mail, as much as suits the resident.
func (h *hand) fetch(res *resident) (n int, err error) {
	batch := int(res.batch)
	if res.route.opts.Parallel > 1 || res.route.opts.Atomic {
		batch = 1
	}
	if batch > len(h.buf) {
		h.buf = make([]delivery, batch)
	}
	if res.quick != nil {
		return res.quick.FetchValues(h.buf[:batch], res.wakeMe)
	}
	if batch > len(h.raw) {
		h.raw = make([]mailbox.Delivery, batch)
	}
	n, err = res.box.Fetch(h.raw[:batch], res.wakeMe)
	for i := range n {
		d := &h.raw[i]
		h.buf[i] = delivery{Value: d.Value, Rest: &d.Mail, Key: d.Key, Put: d.Put.UnixNano(), Count: int32(d.Count)}
	}
	return n, err
}

// part is the end of a resident whose mail cannot be fetched: it was stopped, or
// has got another owner.
func (h *hand) part(res *resident, err error) {
	if !errors.Is(err, mailbox.ErrStopped) && !errors.Is(err, mailbox.ErrLost) && !errors.Is(err, mailbox.ErrClosed) {
		h.run.report("no mail can be fetched", res.address, err)
	}
	res.quit(0)
}
