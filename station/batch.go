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
//
// While a handler runs, hand.at is the index of its delivery, and whoever fences the
// hand inherits the batch. While the hand works out what becomes of a delivery, at
// is finishing: it sees that through, and lets go of the batch afterwards.
func (h *hand) handleAll(res *resident, n int) (more, alive bool) {
	h.n, h.odd = n, false
	if res.route.opts.Parallel > 1 {
		res.share()
	}
	if !h.at.CompareAndSwap(nothing, 0) {
		res.settle(h.outcomes(0)...)
		res.done() // as in prepare
		return false, false
	}
	began := time.Since(h.run.born)
	w := res.work()
	i, more := 0, true
	for {
		j := job{res: res, d: &h.buf[i], i: i}
		h.handleOne(w, &j)
		more = h.mayGoOn(res, w)
		if more && i+1 < n && j.plain() && !h.odd {
			i++
			if !h.at.CompareAndSwap(int32(i-1), int32(i)) {
				return false, false
			}
			continue
		}
		if !h.at.CompareAndSwap(int32(i), finishing) {
			return false, false
		}
		if more = h.conclude(&j) && more && h.mayGoOn(res, w); !more || i+1 == n {
			break
		}
		i++
		if !h.at.CompareAndSwap(finishing, int32(i)) {
			h.seeThrough()
			return false, false
		}
	}
	if h.settleAll(res); !h.at.CompareAndSwap(finishing, nothing) {
		res.employ(nil)
		res.done()
		return false, false
	}
	clear(h.buf[:n])
	if res.route.opts.Parallel > 1 {
		res.done()
		return false, true
	}
	res.pace(n, time.Since(h.run.born)-began)
	return more, true
}

// A job is one delivery in the hands of an actor.
type job struct {
	res  *resident
	d    *delivery
	i    int // its index
	q    *question
	step *step
	err  error
}

// plain reports whether there is nothing to be said of a job that is done.
func (j *job) plain() bool {
	return j.err == nil && j.q == nil && j.step == nil && j.res.route.values && j.res.route.opts.Done == nil
}

// handleOne lets the actor handle a delivery.
func (h *hand) handleOne(w worker, j *job) {
	if w == nil {
		j.err = errNoActor
		return
	}
	j.q = questionOf(h.run.station, j.res, j.d)
	c := h.contextFor(j.res, j.d)
	if j.step = c.step; j.step != nil {
		j.q.hold()
	}
	if j.err = h.unfit(j.res, j.d); j.err != nil {
		return
	}
	limit := j.res.route.opts.Timeout
	if limit > 0 {
		h.watch.start(limit)
		defer h.watch.stop() // after runtime.Goexit
	}
	j.err = call(w, c, j.d, j.q)
	if limit > 0 {
		if h.late = h.watch.stop(); h.late && j.err != nil {
			j.err = fmt.Errorf("%w: %w", ErrTimeout, j.err)
		}
	}
}

var errNoActor = errors.New("station: the actor was thrown away in the meantime")

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

// conclude says what becomes of a job, and reports false if the deliveries behind it
// must wait. In a store that keeps bytes it is settled at once, so that little
// comes again after a crash.
func (h *hand) conclude(j *job) (more bool) {
	h.known = j.i
	if j.err == nil && j.step != nil {
		j.err = j.step.commit(j.d)
	}
	if !errors.Is(j.err, ErrNotNow) { // or it waits for its answer
		j.q.close(j.err)
	}
	o := mailbox.Outcome{Key: j.d.Key}
	if j.err != nil {
		o = h.judge(j.res, j.d, j.err)
	}
	h.note(j.i, o)
	h.known = j.i + 1
	if !j.res.route.values {
		j.res.settle(o)
	}
	if !errors.Is(j.err, errNoActor) {
		h.tellDone(j.res, j.err)
	}
	return o.Verdict != mailbox.Retry && o.Verdict != mailbox.Untouched
}

// note writes down an outcome, unless there is nothing to say about it and about
// those before it.
func (h *hand) note(i int, o mailbox.Outcome) {
	if !h.odd && o.Verdict == mailbox.Handled {
		return
	}
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

// settleAll settles those whose outcome is known, unless that was done one by one;
// the others were not touched.
func (h *hand) settleAll(res *resident) {
	switch {
	case h.known == h.n && !res.route.values:
	case h.known == h.n && !h.odd && res.quick != nil:
		res.complain(res.quick.SettleValues(h.buf[:h.n]))
	default:
		res.settle(h.outcomes(h.known)...)
	}
}

// outcomes returns those of the first deliveries, and Untouched for the others.
func (h *hand) outcomes(known int) []mailbox.Outcome {
	outs := make([]mailbox.Outcome, h.n)
	for i := range outs {
		switch {
		case i >= known:
			outs[i] = mailbox.Outcome{Key: h.buf[i].Key, Verdict: mailbox.Untouched}
		case h.odd:
			outs[i] = h.out[i]
		default:
			outs[i] = mailbox.Outcome{Key: h.buf[i].Key}
		}
	}
	return outs
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

// inherit deals with what a hand that has been fenced has left behind: the mail in
// work has failed, what was fetched behind it has not been touched, and the address
// goes on with another hand and another actor.
func (h *hand) inherit(reason error) {
	at := h.at.Swap(fenced)
	if at == preparing {
		h.res.quit(h.res.route.opts.GateWait)
	}
	if at < 0 {
		return // it has nothing, or sees to it itself
	}
	res, i := h.res, int(at)
	d := &h.buf[i]
	err := fmt.Errorf("station: the handler did not return: %w", reason)
	questionOf(h.run.station, res, d).close(err)
	res.employ(nil)
	outs := h.outcomes(i)
	outs[i] = h.judge(res, d, err)
	res.settle(outs...)
	h.tellDone(res, err)
	res.done()
}

// unwind is inherit by the hand itself, which runtime.Goexit has hit.
func (h *hand) unwind() {
	if h.at.CompareAndSwap(finishing, fenced) {
		h.seeThrough()
		return
	}
	h.inherit(troupe.ErrGoexit)
}

// seeThrough settles what a hand knows that was fenced while it was finishing.
func (h *hand) seeThrough() {
	h.res.employ(nil)
	h.res.settle(h.outcomes(h.known)...)
	h.res.done()
}
