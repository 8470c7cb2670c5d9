package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe"
)

// Strategy says which children are started again together with one that is.
type Strategy uint8

const (
	// OneForOne restarts the child alone. It is the zero Strategy.
	OneForOne Strategy = iota
	// OneForAll stops all other children in reverse order and then starts all
	// of them in order.
	OneForAll
	// RestForOne stops the children that were started after it in reverse
	// order, and then starts it and them in order.
	RestForOne
)

// String returns the strategy's name.
func (s Strategy) String() string {
	return nameOf(s, "one for one", "one for all", "rest for one")
}

// AutoShutdown says when a supervisor ends because its significant children
// have. Only ends by themselves that lead to no restart count; not a stop by the
// supervisor or by a person. Semantics: OTP's auto_shutdown.
type AutoShutdown uint8

const (
	// Never is the zero AutoShutdown. No child may then be significant.
	Never AutoShutdown = iota
	// AnySignificant ends the supervisor when one significant child has ended.
	AnySignificant
	// AllSignificant ends the supervisor when a significant child has ended and
	// no other one is left running.
	AllSignificant
)

// String returns the setting's name.
func (a AutoShutdown) String() string {
	return nameOf(a, "never", "any significant", "all significant")
}

// nameOf returns the name of an enumerated value.
func nameOf[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("unknown (%d)", v)
}

// What zero values of Spec and Child stand for.
const (
	DefaultIntensity = 1
	DefaultPeriod    = 5 * time.Second
	DefaultShutdown  = 5 * time.Second
)

// A Spec describes a supervisor. The zero Spec is a OneForOne supervisor without
// children, to which children can be added. A Spec may be used for any number of
// supervisors at once.
type Spec struct {
	// Strategy says who is restarted together with a child.
	Strategy Strategy

	// Intensity is how many restarts within Period are believed in; one more
	// ends the supervisor. A failed restart counts as one. Zero is
	// DefaultIntensity; below zero the first restart is one too many.
	Intensity int

	// Period is the time that Intensity is about. Zero is DefaultPeriod.
	Period time.Duration

	// Children are started in order.
	Children []Child

	// AutoShutdown says whether the end of significant children ends the
	// supervisor.
	AutoShutdown AutoShutdown

	// Report is called for everything that happens to children. It runs in the
	// supervisor and must not block; a panic in it is logged and otherwise
	// passed over. Nil is [Log] with the node's
	// logger.
	Report func(Event)
}

// Body returns the supervisor as a body that says when all its children are up,
// for a [Child] of another supervisor.
func (s Spec) Body() troupe.Body { return troupe.Function(s.Run).AwaitReady() }

// Check returns what is wrong with the Spec, or nil; of several mistakes it
// returns all. Run calls it before it starts anything. Semantics: OTP's
// supervisor:check_childspecs.
func (s Spec) Check() error {
	var wrong []error
	if s.Strategy > RestForOne {
		wrong = append(wrong, fmt.Errorf("supervisor: strategy %v: use OneForOne, OneForAll or RestForOne", s.Strategy))
	}
	if s.AutoShutdown > AllSignificant {
		wrong = append(wrong, fmt.Errorf("supervisor: auto shutdown %v: use Never, AnySignificant or AllSignificant", s.AutoShutdown))
	}
	if s.Period < 0 {
		wrong = append(wrong, fmt.Errorf("supervisor: period %v: it must not be negative", s.Period))
	}
	names := make(map[string]bool)
	for _, c := range s.Children {
		if err := c.check(s.AutoShutdown); err != nil {
			wrong = append(wrong, err)
		}
		if c.Name != "" && names[c.Name] {
			wrong = append(wrong, fmt.Errorf("%w: %q", ErrDuplicate, c.Name))
		}
		names[c.Name] = true
	}
	return errors.Join(wrong...)
}

// withDefaults returns s with values in place of zeros.
func (s Spec) withDefaults() Spec {
	if s.Intensity == 0 {
		s.Intensity = DefaultIntensity
	}
	s.Intensity = max(s.Intensity, 0)
	if s.Period == 0 {
		s.Period = DefaultPeriod
	}
	return s
}
