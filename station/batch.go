package station

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// handleAll handles what was fetched. more is false if the hand should let go of
// the resident; alive is false if it has been fenced.
func (h *hand) handleAll(res *resident, n int) (more, alive bool) {
	h.n, h.odd = n, false
	if res.route.opts.Parallel > 1 {
		res.share()
	}
	if !h.at.CompareAndSwap(nothing, 0) {
		res.settle(h.outcomes(0, 0)...)
		res.done() // as in prepare
		return false, false
	}
	began := time.Since(h.run.born)
	w := res.work()
	i, more := 0, true
	for i < n && more {
		d := &h.buf[i]
		var err error
		if alive, err = h.handleOne(res, w, d); !alive {
			return false, false
		}
		if err != nil || h.odd || !res.route.values {
			more = h.conclude(res, i, err)
		}
		if res.route.opts.Done != nil && !errors.Is(err, errNoActor) {
			h.tellDone(res, err)
		}
		i++
		if !h.at.CompareAndSwap(int32(i-1), int32(i)) {
			return false, false
		}
		more = more && h.mayGoOn(res, w)
	}
	h.settleAll(res, i)
	if !h.at.CompareAndSwap(int32(i), nothing) {
		return false, false
	}
	clear(h.buf[:n])
	if res.route.opts.Parallel > 1 {
		return false, true
	}
	res.pace(n, time.Since(h.run.born)-began)
	return more, true
}

// mayGoOn reports whether the next delivery can be handled: nobody has stopped the
// address, or taken it away; the hand is not told to end; the actor is there.
func (h *hand) mayGoOn(res *resident, w worker) bool {
	if res.stopping.Load() || h.late || h.self.Err() != nil || res.shaken.Load() && res.work() != w {
		return false
	}
	if res.route.values {
		return true
	}
	select {
	case <-res.box.Lost():
		return false
	default:
		return true
	}
}

// conclude says what becomes of delivery i, and reports false if those behind it
// must wait. In a store that keeps bytes it is settled at once, so that little
// comes again after a crash.
func (h *hand) conclude(res *resident, i int, err error) (more bool) {
	o := mailbox.Outcome{Key: h.buf[i].Key}
	if err != nil {
		o = h.judge(res, &h.buf[i], err)
	}
	h.note(i, o)
	if !res.route.values && h.at.Load() == int32(i) {
		res.settle(o)
	}
	return o.Verdict != mailbox.Retry && o.Verdict != mailbox.Untouched
}

// note writes down an outcome, and those before it if they were not written down
// because there was nothing to say about them.
func (h *hand) note(i int, o mailbox.Outcome) {
	if len(h.out) < len(h.buf) {
		h.out = make([]mailbox.Outcome, len(h.buf))
	}
	if !h.odd {
		h.odd = true
		for j := range i {
			h.out[j] = mailbox.Outcome{Key: h.buf[j].Key}
		}
	}
	h.out[i] = o
}

// settleAll settles the first i deliveries as noted, unless that was done one by
// one; what lies behind them was not touched.
func (h *hand) settleAll(res *resident, i int) {
	switch {
	case i == h.n && !res.route.values:
	case i == h.n && !h.odd && res.quick != nil:
		res.complain(res.quick.SettleValues(h.buf[:i]))
	default:
		res.settle(h.outcomes(i, i)...)
	}
}

// outcomes returns those of the first i deliveries, and Untouched for those from
// rest on.
func (h *hand) outcomes(i, rest int) []mailbox.Outcome {
	outs := make([]mailbox.Outcome, 0, h.n)
	for j := range i {
		if h.odd {
			outs = append(outs, h.out[j])
		} else {
			outs = append(outs, mailbox.Outcome{Key: h.buf[j].Key})
		}
	}
	for j := rest; j < h.n; j++ {
		outs = append(outs, mailbox.Outcome{Key: h.buf[j].Key, Verdict: mailbox.Untouched})
	}
	return outs
}

// handleOne lets the actor handle a delivery. It reports false if the hand has
// been fenced meanwhile.
func (h *hand) handleOne(res *resident, w worker, d *delivery) (alive bool, err error) {
	if w == nil {
		return true, errNoActor
	}
	q := questionOf(h.run.station, res, d)
	c := h.contextFor(res, d)
	if err = h.unfit(res, d); err == nil {
		if err = h.try(res, w, c, d, q); err == errFenced { //nolint:errorlint // it is never wrapped
			return false, nil
		}
	}
	if h.at.Load() == fenced {
		return false, nil
	}
	if err == nil || !errors.Is(err, ErrNotNow) { // it waits for its answer then
		q.close(err)
	}
	return true, err
}

var (
	errFenced  = errors.New("station: fenced while the actor worked")
	errNoActor = errors.New("station: the actor was thrown away in the meantime")
)

// try calls the actor, and writes its step if it is an atomic one.
func (h *hand) try(res *resident, w worker, c *mailContext, d *delivery, q *question) error {
	if limit := res.route.opts.Timeout; limit > 0 {
		h.watch.start(limit)
		defer h.watch.stop() // after runtime.Goexit
	}
	if c.step == nil {
		return h.lateness(call(w, c, d, q))
	}
	q.hold()
	if err := h.lateness(call(w, c, d, q)); err != nil {
		return err
	}
	at := h.at.Load()
	if at < 0 || !h.at.CompareAndSwap(at, committing) {
		return errFenced
	}
	err := c.step.commit(d)
	if !h.at.CompareAndSwap(committing, at) {
		h.seeThrough(res, d, err)
		return errFenced
	}
	return err
}

// lateness adds to a handler's error that it was late.
func (h *hand) lateness(err error) error {
	if h.late = h.watch.stop(); h.late && err != nil {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

// call calls the actor and turns a panic into an error.
func call(w worker, c *mailContext, d *delivery, q *question) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &troupe.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return w.handle(c, d, q)
}

// contextFor returns the context for a delivery.
func (h *hand) contextFor(res *resident, d *delivery) *mailContext {
	atomic := res.route.opts.Atomic
	if d.Rest == nil || d.Rest.Flow == "" && d.Rest.Hop == 0 {
		if !atomic {
			if h.plain == nil || h.plain.r != res {
				h.plain = &mailContext{Context: h.self, hand: h, r: res}
			}
			return h.plain
		}
	}
	c := &mailContext{Context: h.self, hand: h, r: res}
	if d.Rest != nil {
		c.flow, c.hop = d.Rest.Flow, d.Rest.Hop
	}
	if atomic {
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
	i := int(at)
	outs := h.outcomes(i, i+1)
	if i < h.n {
		d := &h.buf[i]
		err := fmt.Errorf("station: the handler did not return: %w", reason)
		questionOf(h.run.station, res, d).close(err)
		outs = append(outs, h.judge(res, d, err))
		h.tellDone(res, err)
	}
	res.settle(outs...)
	res.done()
}

// seeThrough is inherit for a hand that was fenced while it wrote a step.
func (h *hand) seeThrough(res *resident, d *delivery, err error) {
	res.employ(nil)
	o := mailbox.Outcome{Key: d.Key}
	if err != nil {
		o = h.judge(res, d, err)
	}
	res.settle(o)
	h.tellDone(res, err)
	res.done()
}
