package supervisor

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe"
)

// Request is the message type of a supervisor's mailbox. Its content is the
// package's own: the functions that take a Ref[Request] put it together.
type Request struct{ what any }

// ID names a child: its name as a string, or the PID of its process. A PID is
// good until the child is started again.
type ID interface{ string | troupe.PID }

// An id is an ID inside a request.
type id struct {
	name string
	pid  troupe.PID
}

func (i id) String() string {
	if i.name != "" {
		return title(i.name)
	}
	return i.pid.String()
}

func idOf[K ID](child K) id {
	switch v := any(child).(type) {
	case string:
		return id{name: v}
	case troupe.PID:
		return id{pid: v}
	}
	return id{}
}

type verb uint8

const (
	start verb = iota
	stop
	restart
	remove
	add
)

// An order is what a person wants of a child.
type order struct {
	verb  verb
	child id
	spec  *Child // for add
}

// What people ask; the rest of what a Request can hold is in machine.go.
type (
	orderCall = troupe.Call[order, troupe.PID]
	listCall  = troupe.Call[troupe.None, []Info]
	countCall = troupe.Call[troupe.None, Tally]
	findCall  = troupe.Call[id, Info]
)

func ask[Q, A any](ctx context.Context, to troupe.Ref[Request], q Q) (A, error) {
	return troupe.AskWith(ctx, to, func(c troupe.Call[Q, A]) Request { return Request{c} }, q)
}

func give(ctx context.Context, to troupe.Ref[Request], o order) (troupe.PID, error) {
	return ask[order, troupe.PID](ctx, to, o)
}

// Start starts a child that was stopped, refused, has ended or backs off, and
// returns its PID once it is up. If it does not come up, Start returns a
// [*StartError], and the child is stopped; one that was backing off goes on
// doing so. Start returns ErrRunning, ErrRefused, ErrStopped, ErrNoChild,
// ErrEnding, and what [troupe.Ask] returns, such as the supervisor's reason when
// it ends meanwhile. If ctx ends first, the order stands. Any goroutine may call
// it; one that is no process's takes its ctx from Node.Context if to is a name.
// Semantics: OTP's supervisor:restart_child.
func Start[K ID](ctx context.Context, to troupe.Ref[Request], child K) (troupe.PID, error) {
	return give(ctx, to, order{verb: start, child: idOf(child)})
}

// Stop stops a child and returns once it has ended. The child stays stopped,
// whatever its policy, until Start or Restart. A child that does not run, or
// backs off, is stopped too from then on; one that was stopped before stays so.
// The other children are left alone under every strategy. Stop returns
// ErrNoChild, ErrEnding and what [troupe.Ask] returns. If ctx ends first, the
// order stands. Any goroutine may call it. Semantics: OTP's
// supervisor:terminate_child.
func Stop[K ID](ctx context.Context, to troupe.Ref[Request], child K) error {
	_, err := give(ctx, to, order{verb: stop, child: idOf(child)})
	return err
}

// Restart stops a child, if it runs, starts it, and returns its PID once it is
// up. It does not count towards the intensity, and leaves the other children
// alone under every strategy. If the child does not come up, Restart returns a
// [*StartError], and a child that ran before is treated as one that failed. It
// is in all else as [Start].
func Restart[K ID](ctx context.Context, to troupe.Ref[Request], child K) (troupe.PID, error) {
	return give(ctx, to, order{verb: restart, child: idOf(child)})
}

// Add adds a child after all others, starts it, and returns its PID once it is
// up; [troupe.RefOf] makes that a typed address. If the child does not start,
// Add returns a [*StartError] and the child is not added. Add returns
// ErrDuplicate, ErrRefused, ErrStopped, ErrEnding, what [Spec.Check] would
// return for the child, and what [troupe.Ask] returns. If ctx ends first, the
// child is added no less. Under OneForOne, a child without a name is one of a
// crowd: when it has ended and is not started again it is no child any more, and
// a crowd is stopped all at once. Adding one costs the same however many there
// are. Any goroutine may call it. Semantics: OTP's supervisor:start_child.
func Add(ctx context.Context, to troupe.Ref[Request], c Child) (troupe.PID, error) {
	return give(ctx, to, order{verb: add, spec: &c})
}

// Remove stops a child, if it runs, and forgets it. It returns ErrNoChild,
// ErrEnding and what [troupe.Ask] returns. If ctx ends first, the order stands.
// Any goroutine may call it. Semantics: OTP's supervisor:terminate_child and
// delete_child in one.
func Remove[K ID](ctx context.Context, to troupe.Ref[Request], child K) error {
	_, err := give(ctx, to, order{verb: remove, child: idOf(child)})
	return err
}

// Find tells about one child. It returns ErrNoChild and what [troupe.Ask]
// returns. Any goroutine may call it.
func Find[K ID](ctx context.Context, to troupe.Ref[Request], child K) (Info, error) {
	return ask[id, Info](ctx, to, idOf(child))
}

// List tells about all children, in the order in which they start. It returns
// what [troupe.Ask] returns. Any goroutine may call it. Semantics: OTP's
// supervisor:which_children.
func List(ctx context.Context, to troupe.Ref[Request]) ([]Info, error) {
	return ask[troupe.None, []Info](ctx, to, troupe.None{})
}

// Count tells how many children there are in each state; it costs the same
// however many that are. It returns what [troupe.Ask] returns. Any goroutine may
// call it. Semantics: OTP's supervisor:count_children.
func Count(ctx context.Context, to troupe.Ref[Request]) (Tally, error) {
	return ask[troupe.None, Tally](ctx, to, troupe.None{})
}

func noChild(which id) error { return fmt.Errorf("%w: %v", ErrNoChild, which) }
