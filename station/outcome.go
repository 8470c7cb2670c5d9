package station

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// What zero values in Retry stand for.
const (
	DefaultAttempts = 5
	DefaultMin      = 100 * time.Millisecond
	DefaultMax      = time.Minute
	DefaultJitter   = 0.2
)

// Retry says how mail that failed comes again. When its attempts are over it
// becomes a dead letter. A question is not tried again: its asker is told.
type Retry struct {
	// Attempts is how many times mail is delivered at most, crashes of the
	// program included. Zero is DefaultAttempts; below zero there is no end.
	Attempts int

	// Min is how long the first wait is; each is twice as long as the one
	// before, and none longer than Max. Zero is DefaultMin and DefaultMax.
	Min, Max time.Duration

	// Jitter is the part of a wait that chance may add or take off, so that
	// what failed together does not come again together. Zero is
	// DefaultJitter; below zero there is none.
	Jitter float64

	// Aside lets the mail behind it pass while it waits. Else an address whose
	// mail is handled in order waits with it. Where Options.Parallel is more
	// than 1 there is no order, and others always pass.
	Aside bool
}

func (r *Retry) complete() {
	if r.Attempts == 0 {
		r.Attempts = DefaultAttempts
	}
	if r.Min <= 0 {
		r.Min = DefaultMin
	}
	if r.Max <= 0 {
		r.Max = max(DefaultMax, r.Min)
	}
	if r.Jitter == 0 {
		r.Jitter = DefaultJitter
	}
}

// wait returns how long mail waits that has been delivered count times.
func (r *Retry) wait(count int) time.Duration {
	d := r.Max
	if n := max(count-1, 0); n < 40 && r.Min<<n > 0 {
		d = min(r.Min<<n, r.Max)
	}
	if r.Jitter > 0 {
		d += time.Duration(float64(d) * min(r.Jitter, 1) * (2*rand.Float64() - 1))
	}
	return d
}

// unfit returns why a delivery is not to be handled at all.
func (h *hand) unfit(res *resident, d *delivery) error {
	if d.Rest != nil && !d.Rest.Expires.IsZero() && !time.Now().Before(d.Rest.Expires) {
		return ErrExpired
	}
	if most := res.route.opts.Retry.Attempts; most > 0 && int(d.Count) > most {
		return errTooOften
	}
	return nil
}

var errTooOften = errors.New("station: it was delivered as often as it may, and no handler of it ever came back")

// judge decides what becomes of a delivery that has failed.
func (h *hand) judge(res *resident, d *delivery, err error) mailbox.Outcome {
	o := mailbox.Outcome{Key: d.Key}
	var panicked *troupe.PanicError
	if errors.As(err, &panicked) {
		h.run.report("a handler panicked", res.address, errors.New(panicked.Error()+"\n"+string(panicked.Stack)))
	}
	switch {
	case errors.Is(err, errNoActor):
		o.Verdict = mailbox.Untouched
		return o
	case errors.Is(err, troupe.Stop):
		res.dispose()
		res.retire.Store(true)
		return o
	case errors.Is(err, ErrNotNow):
		res.dispose()
		res.notNow.Store(true)
		o.Verdict = mailbox.Untouched
		return o
	case panicked != nil, res.route.opts.Atomic:
		res.employ(nil)
	}
	switch {
	case isQuestion(d):
	case panicked == nil && h.at.Load() != fenced && errors.Is(context.Cause(h.self), troupe.ErrShutdown):
		o.Verdict = mailbox.Untouched
	case hopeless(err), res.route.opts.Retry.over(d):
		o.Verdict, o.Reason = mailbox.Dead, err.Error()
		h.run.report("mail is given up", res.address, err)
	default:
		h.again(res, d, &o)
	}
	return o
}

// hopeless reports whether no other attempt could help.
func hopeless(err error) bool {
	var never *rejected
	var bad *unreadable
	return errors.As(err, &never) || errors.As(err, &bad) || errors.Is(err, ErrExpired) || errors.Is(err, errTooOften)
}

func (r *Retry) over(d *delivery) bool { return r.Attempts > 0 && int(d.Count) >= r.Attempts }

// again lets a delivery come again after a wait.
func (h *hand) again(res *resident, d *delivery, o *mailbox.Outcome) {
	retry := &res.route.opts.Retry
	o.Verdict = mailbox.Retry
	if retry.Aside || res.route.opts.Parallel > 1 {
		o.Verdict = mailbox.Aside
	}
	wait := retry.wait(int(d.Count))
	o.At = time.Now().Add(wait)
	res.until.Store(int64(time.Since(h.run.born) + wait))
}
