package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// A figure is something measured once: a time, or how many a second.
type figure func(ctx context.Context) (float64, error)

// A row compares Troupe with a peer in one respect.
type row struct {
	what   string
	peer   string
	target float64 // the ratio to be reached; 0 is none
	limit  float64 // the figure to be reached, whatever the peer's; 0 is none
	unit   unit
	ours   figure
	theirs figure

	own, other, ratios []float64
	missing            string // why there is no peer
	failure            error
}

type unit int

const (
	seconds   unit = iota // less is better
	perSecond             // more is better
)

// errMissing says that a peer is not on this machine.
var errMissing = errors.New("not on this machine")

// measure measures both sides once, in either order. A row without a peer has its own side only.
func (r *row) measure(ctx context.Context, theirsFirst bool) {
	var a, b float64
	for i := range 2 {
		if r.failure != nil || ctx.Err() != nil {
			return
		}
		if theirs := (i == 0) == theirsFirst; !theirs {
			a = r.one(ctx, "Troupe", r.ours)
		} else if r.theirs != nil && r.missing == "" {
			b = r.one(ctx, r.peer, r.theirs)
		}
	}
	if r.failure != nil {
		return
	}
	r.own = append(r.own, a)
	if r.theirs == nil || r.missing != "" {
		return
	}
	r.other = append(r.other, b)
	if r.unit == seconds {
		r.ratios = append(r.ratios, b/a)
	} else {
		r.ratios = append(r.ratios, a/b)
	}
}

// one measures one side. A peer that is not there is no failure.
func (r *row) one(ctx context.Context, who string, f figure) float64 {
	v, err := f(ctx)
	switch {
	case errors.Is(err, errMissing) || errors.Is(err, exec.ErrNotFound):
		r.missing = err.Error()
	case err != nil:
		r.failure = fmt.Errorf("%s: %w", who, err)
	}
	return v
}

// String says how the last round went.
func (r *row) String() string {
	if r.failure != nil {
		return r.what + ": failed: " + r.failure.Error()
	}
	text := fmt.Sprintf("%s: %s, %s %s", r.what, r.unit.format(last(r.own)), r.peer, r.unit.format(last(r.other)))
	if len(r.ratios) > 0 {
		text += fmt.Sprintf(", × %.2f", last(r.ratios))
	}
	return text
}

func last(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	return figures[len(figures)-1]
}

func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func (u unit) format(v float64) string {
	switch {
	case v == 0:
		return "–"
	case u == perSecond && v >= 1e6:
		return fmt.Sprintf("%.2f M/s", v/1e6)
	case u == perSecond && v >= 1e3:
		return fmt.Sprintf("%.1f k/s", v/1e3)
	case u == perSecond:
		return fmt.Sprintf("%.0f /s", v)
	case v >= 1:
		return fmt.Sprintf("%.2f s", v)
	case v >= 1e-3:
		return fmt.Sprintf("%.2f ms", v*1e3)
	case v >= 1e-6:
		return fmt.Sprintf("%.2f µs", v*1e6)
	}
	return fmt.Sprintf("%.1f ns", v*1e9)
}

// timed is the time that f takes.
func timed(f func() error) (float64, error) {
	begin := time.Now()
	err := f()
	return time.Since(begin).Seconds(), err
}

// medianOf is the median of the times that f takes.
func medianOf(n int, f func() error) (float64, error) {
	var all []float64
	for range n {
		t, err := timed(f)
		if err != nil {
			return 0, err
		}
		all = append(all, t)
	}
	return median(all), nil
}

// rate is how often a second f is done, which does it n times.
func rate(n int, f func() error) (float64, error) {
	t, err := timed(f)
	return float64(n) / t, err
}
