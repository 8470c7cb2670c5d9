package supervisor

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/troupe-go/troupe"
)

// Policy says when a child that has ended is started again.
type Policy uint8

const (
	// Permanent children are always started again. It is the zero Policy.
	Permanent Policy = iota
	// Transient children are started again when they failed: when they ended
	// with a reason that is neither normal nor troupe.ErrShutdown.
	Transient
	// Temporary children are never started again, also not together with a
	// sibling. One that has ended is no child any more.
	Temporary
)

// String returns the policy's name.
func (p Policy) String() string { return nameOf(p, "permanent", "transient", "temporary") }

// Values of Child.Shutdown with a meaning of their own.
const (
	// Patient waits for as long as the child takes to stop.
	Patient time.Duration = -1
	// Brutal kills the child without telling it first.
	Brutal time.Duration = 1
)

// A Child describes one child of a supervisor. Only Body must be set.
type Child struct {
	// Name is what the child is called in orders and in its path; no two
	// children of a supervisor have the same. It must not contain "/" or "@". A
	// child without a name is addressed by its PID. If another process has the
	// path as its name, such as a child of a killed supervisor whose place this
	// one has taken, the start waits for its end for the time of Shutdown, and
	// then fails with troupe.ErrNameTaken.
	Name string

	// Body is what the child runs: a function, a handler, a service or another
	// supervisor.
	Body troupe.Body

	// Restart says when the child is started again.
	Restart Policy

	// Shutdown is how long the child may take to stop after it was told to,
	// before it is killed. Zero is DefaultShutdown, and for a child that is a
	// supervisor itself Patient; see also Brutal. Semantics: OTP's shutdown.
	Shutdown time.Duration

	// Start is how long a body that calls Ready may take until then; if it
	// takes longer it is stopped and the start has failed. Zero is no limit. It
	// has no meaning for other bodies.
	Start time.Duration

	// Backoff delays restarts. The zero Backoff restarts at once.
	Backoff Backoff

	// Significant children can end their supervisor; see AutoShutdown. They
	// must not be permanent.
	Significant bool

	// Gate, if it is set, is asked before each start, and refuses it by
	// returning an error. A refusal is no failure: the child is left alone
	// until somebody starts it, or until its siblings are restarted with it. Gate
	// runs in the supervisor and must not block. If it panics, the start has
	// failed.
	Gate func() error
}

// check returns what is wrong with c in a supervisor that ends as auto says.
func (c Child) check(auto AutoShutdown) error {
	mistake := func(what string) error {
		return fmt.Errorf("supervisor: child %s %s", title(c.Name), what)
	}
	var wrong []error
	if c.Body.IsZero() {
		wrong = append(wrong, mistake("has no Body: make one with troupe.Function, Handling or Service"))
	}
	if strings.ContainsAny(c.Name, "/@") {
		wrong = append(wrong, mistake("has / or @ in its name: leave them out"))
	}
	if c.Restart > Temporary {
		wrong = append(wrong, mistake(fmt.Sprintf("has the policy %v: use Permanent, Transient or Temporary", c.Restart)))
	}
	if c.Significant && c.Restart == Permanent {
		wrong = append(wrong, mistake("is significant and permanent: make it transient or temporary"))
	}
	if c.Significant && auto == Never {
		wrong = append(wrong, mistake("is significant, but the supervisor never shuts down by itself: set AutoShutdown"))
	}
	return errors.Join(wrong...)
}

// Backoff delays restarts: the first by Min, each next one in a row by Factor
// times as much, but none by more than Max. A child that has run for longer
// than Max before it fails begins again with Min. The supervisor answers
// questions all the while.
type Backoff struct {
	Min    time.Duration // the first delay; zero restarts at once
	Max    time.Duration // the longest delay; zero is a minute, or Min if that is longer
	Factor float64       // how much each delay is longer; zero is 2, below 1 is 1
	Jitter float64       // how much of a delay is random, from 0 to 1; zero is 0.2, below zero is none
}

// limit returns Max or what stands for it.
func (b Backoff) limit() time.Duration {
	if b.Max == 0 {
		return max(time.Minute, b.Min)
	}
	return b.Max
}

// delay returns how long to wait before the nth restart in a row. Jitter only
// ever shortens it, so that Max holds.
func (b Backoff) delay(n int) time.Duration {
	if b.Min <= 0 {
		return 0
	}
	factor, jitter := max(b.Factor, 1), min(b.Jitter, 1)
	if b.Factor == 0 {
		factor = 2
	}
	if b.Jitter == 0 {
		jitter = 0.2
	}
	d := min(float64(b.Min)*math.Pow(factor, float64(n-1)), float64(b.limit()))
	if jitter > 0 {
		d -= d * jitter * rand.Float64()
	}
	return time.Duration(d)
}
