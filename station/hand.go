package station

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

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

	at    atomic.Int32 // what it is at; whoever sets fenced gets the rest
	res   *resident    // whose mail it has
	n     int          // deliveries in buf
	buf   []mailbox.Delivery
	out   []mailbox.Outcome // of the deliveries before at
	plain *mailContext      // for mail without a flow
	watch stopwatch
	late  bool // its last handler was, and it is being told to end
}

// look makes a hand look at the queue.
type look struct{}

// What a hand is at, unless it is the index of the delivery in work.
const (
	nothing    int32 = -1
	preparing  int32 = -2 // an actor is being made
	committing int32 = -3 // a step is being written; the hand sees it through
	fenced     int32 = -4 // its process has ended: nothing that is still done counts
)

func newHand(r *run) *hand {
	h := &hand{run: r, buf: make([]mailbox.Delivery, 1), out: make([]mailbox.Outcome, 1)}
	h.at.Store(nothing)
	h.watch.hand = h
	h.ref = troupe.SpawnHandler(r.self, h, troupe.Linked(), troupe.Grace(r.station.grace))
	return h
}

// maxTurns is how many residents a hand serves before others get the processor.
const maxTurns = 32

// Handle takes residents from the queue until there are no more.
func (h *hand) Handle(self *troupe.Self[look], _ troupe.Message[look]) error {
	h.self = self
	whole := false
	defer func() {
		if !whole { // runtime.Goexit in a handler
			h.inherit(troupe.ErrGoexit)
		}
	}()
	for range maxTurns {
		res := h.run.take(h)
		if res == nil {
			whole = true
			return nil
		}
		alive := h.serve(res)
		switch {
		case h.late:
			whole = true
			return ErrTimeout
		case !alive || self.Err() != nil:
			whole = true
			return context.Cause(self)
		}
	}
	whole = true
	return h.ref.Send(self, look{})
}

// serve does one turn of a resident. It reports false if the hand has been fenced.
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
	batch := res.batch
	if res.route.opts.Parallel > 1 || res.route.opts.Atomic {
		batch = 1
	}
	if int(batch) > len(h.buf) {
		h.buf, h.out = make([]mailbox.Delivery, maxBatch), make([]mailbox.Outcome, maxBatch)
	}
	for {
		n, err := res.box.Fetch(h.buf[:batch], res.wakeMe)
		switch {
		case err != nil:
			h.part(res, err)
			return true
		case n > 0:
			return h.handleAll(res, n)
		case res.finished() || res.sleep():
			return true
		}
	}
}

// part is the end of a resident whose mail cannot be fetched: it was stopped, or
// has got another owner. Handlers that are still at work come first.
func (h *hand) part(res *resident, err error) {
	if !errors.Is(err, mailbox.ErrStopped) && !errors.Is(err, mailbox.ErrLost) && !errors.Is(err, mailbox.ErrClosed) {
		h.run.report("no mail can be fetched", res.address, err)
	}
	res.quit(0)
}

// handleAll handles what was fetched, and passes the turn on.
func (h *hand) handleAll(res *resident, n int) (alive bool) {
	if res.route.opts.Parallel > 1 {
		res.share()
	}
	began := time.Since(h.run.born)
	h.n = n
	h.at.Store(0)
	i, more := 0, true
	for ; i < n && more; i++ {
		d := &h.buf[i]
		var alive bool
		h.out[i], more, alive = h.handleOne(res, d)
		if !alive || !h.at.CompareAndSwap(int32(i), int32(i+1)) {
			return false
		}
		if !res.route.values {
			res.settle(h.out[i])
		}
		more = more && !res.stopping.Load() && !h.late && h.self.Err() == nil
	}
	for j := i; j < n; j++ {
		h.out[j] = mailbox.Outcome{Key: h.buf[j].Key, Verdict: mailbox.Untouched}
	}
	if first := i; !res.route.values {
		res.settle(h.out[first:n]...)
	} else {
		res.settle(h.out[:n]...)
	}
	if !h.at.CompareAndSwap(int32(i), nothing) {
		return false
	}
	clear(h.buf[:n])
	res.pace(n, time.Since(h.run.born)-began)
	res.done()
	return true
}

// handleOne lets the actor handle a delivery. more is false if what was fetched
// behind it must wait.
func (h *hand) handleOne(res *resident, d *mailbox.Delivery) (o mailbox.Outcome, more, alive bool) {
	at := h.at.Load()
	w := res.work()
	if w == nil {
		return mailbox.Outcome{Key: d.Key, Verdict: mailbox.Untouched}, false, true
	}
	q := questionOf(h.run.station, res, d)
	c := h.contextFor(res, d)
	if c.step != nil {
		q.hold()
	}
	err := h.unfit(res, d)
	if err == nil {
		h.watch.start(res.route.opts.Timeout)
		err = call(w, c, d, q)
		if h.late = h.watch.stop(); h.late && err != nil {
			err = fmt.Errorf("%w: %w", ErrTimeout, err)
		}
		if err == nil && c.step != nil {
			if !h.at.CompareAndSwap(at, committing) {
				return o, false, false
			}
			if err = c.step.commit(d); !h.at.CompareAndSwap(committing, at) {
				h.seeThrough(res, d, err)
				return o, false, false
			}
		}
	}
	if h.at.Load() == fenced {
		return o, false, false
	}
	q.close(err)
	o = h.judge(res, d, err, q != nil)
	more = o.Verdict != mailbox.Retry && res.work() != nil
	return o, more, true
}

// call calls the actor and turns a panic into an error.
func call(w worker, c *mailContext, d *mailbox.Delivery, q *question) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &troupe.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return w.handle(c, d, q)
}

// contextFor returns the context for a delivery.
func (h *hand) contextFor(res *resident, d *mailbox.Delivery) *mailContext {
	if d.Flow == "" && d.Hop == 0 && !res.route.opts.Atomic {
		if h.plain == nil || h.plain.r != res {
			h.plain = &mailContext{Context: h.self, hand: h, r: res}
		}
		return h.plain
	}
	c := &mailContext{Context: h.self, hand: h, r: res, flow: d.Flow, hop: d.Hop}
	if res.route.opts.Atomic {
		c.step = newStep(res)
	}
	return c
}

// inherit deals with what a hand has left behind that has been fenced, or left by
// runtime.Goexit: the mail in work has failed, what was fetched behind it has not
// been touched, and the address goes on with another hand and another actor.
func (h *hand) inherit(reason error) {
	at := h.at.Swap(fenced)
	res := h.res
	switch {
	case at == preparing:
		res.quit(res.route.opts.GateWait)
		return
	case at < 0:
		return
	}
	res.employ(nil)
	if int(at) < h.n {
		d := &h.buf[at]
		outs := append([]mailbox.Outcome(nil), h.out[:at]...)
		err := fmt.Errorf("station: the handler did not return: %w", reason)
		q := questionOf(h.run.station, res, d)
		q.close(err)
		outs = append(outs, h.judge(res, d, err, q != nil))
		for j := int(at) + 1; j < h.n; j++ {
			outs = append(outs, mailbox.Outcome{Key: h.buf[j].Key, Verdict: mailbox.Untouched})
		}
		res.settle(outs...)
	} else {
		res.settle(h.out[:at]...)
	}
	res.done()
}

// seeThrough is inherit for a hand that was fenced while it wrote a step.
func (h *hand) seeThrough(res *resident, d *mailbox.Delivery, err error) {
	res.employ(nil)
	res.settle(h.judge(res, d, err, false))
	res.done()
}
