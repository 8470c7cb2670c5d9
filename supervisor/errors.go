package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/troupe-go/troupe"
)

// Errors that the functions of this package return, and reasons with which
// supervisors and children end. Test for them with [errors.Is].
var (
	// ErrNoChild is returned when the supervisor has no child of that name or
	// PID.
	ErrNoChild = errors.New("supervisor: no such child: List tells which there are")

	// ErrRunning is returned by Start for a child that runs, or that is about to.
	ErrRunning = errors.New("supervisor: the child runs already: call Restart to replace it")

	// ErrDuplicate is returned by Add, and by Spec.Check, when two children
	// would have the same name.
	ErrDuplicate = errors.New("supervisor: two children with one name: give them different names")

	// ErrRefused is returned by Start, Restart and Add when the child's gate
	// refused; the error wraps what the gate said.
	ErrRefused = errors.New("supervisor: the gate refused the start")

	// ErrStopped is returned by Start, Restart and Add when the child was
	// stopped or removed by somebody else before it was up.
	ErrStopped = errors.New("supervisor: the child was stopped before it was up")

	// ErrEnding is returned by all orders to a supervisor that stops its
	// children because it ends.
	ErrEnding = errors.New("supervisor: it is ending and takes no orders")

	// ErrNotReady is why a start failed that took longer than Child.Start.
	ErrNotReady = errors.New("supervisor: the child was not ready in time: raise Child.Start, or call Ready sooner")

	// ErrAutoShutdown is the reason with which a supervisor ends because of
	// Spec.AutoShutdown. It wraps troupe.ErrShutdown.
	ErrAutoShutdown = fmt.Errorf("supervisor: its significant children have ended: %w", troupe.ErrShutdown)
)

// StartError tells that a child did not start. It is the reason of a supervisor
// whose children did not all start at first, and what Start, Restart and Add
// return.
type StartError struct {
	Child  string // its name; empty if it has none
	Reason error  // why it ended before it was ready, or was not started at all
}

// Error names the child and the reason.
func (e *StartError) Error() string {
	return fmt.Sprintf("supervisor: child %s did not start: %v", title(e.Child), e.Reason)
}

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Reason }

// RestartsError is the reason of a supervisor that gave up because there were
// more restarts than its intensity allows. It wraps [troupe.ErrShutdown], as the
// end of such a supervisor is in good order, and the last reason.
type RestartsError struct {
	Child    string        // the name of the child whose restart was one too many
	Restarts int           // how many there were
	Period   time.Duration // within which time
	Reason   error         // why that child ended or did not start; nil is a normal end
}

// Error names the child, the figures and the reason.
func (e *RestartsError) Error() string {
	return fmt.Sprintf("supervisor: gave up after %d restarts within %v, the last one of child %s: %s",
		e.Restarts, e.Period, title(e.Child), reasonText(e.Reason))
}

// Unwrap returns troupe.ErrShutdown and the reason, unless that is normal: a
// supervisor that gave up did not end normally.
func (e *RestartsError) Unwrap() []error {
	if troupe.IsNormal(e.Reason) {
		return []error{troupe.ErrShutdown}
	}
	return []error{troupe.ErrShutdown, e.Reason}
}

func reasonText(reason error) string {
	if troupe.IsNormal(reason) {
		return "normal end"
	}
	return reason.Error()
}

func title(name string) string {
	if name == "" {
		return "without a name"
	}
	return fmt.Sprintf("%q", name)
}
