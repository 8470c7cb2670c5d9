package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/troupe-go/troupe"
)

// EventKind says what an [Event] tells.
type EventKind uint8

const (
	// ChildStarted tells that a child is up.
	ChildStarted EventKind = iota
	// ChildEnded tells that a child has ended by itself.
	ChildEnded
	// ChildRestarting tells that a child will be started again after Delay.
	ChildRestarting
	// ChildStopped tells that a child has ended because it was told to.
	ChildStopped
	// ChildOverdue tells that a child did not stop in time and was killed.
	ChildOverdue
	// ChildNotStarted tells that a start failed.
	ChildNotStarted
	// ChildRefused tells that a gate refused a start.
	ChildRefused
	// GaveUp tells that the supervisor stops its children and ends because of a
	// child: there were too many restarts, or the first start failed.
	GaveUp
)

// String returns the kind as a log message says it.
func (k EventKind) String() string {
	return nameOf(k, "child started", "child ended", "child restarting", "child stopped",
		"child did not stop in time and was killed", "child did not start", "gate refused the start", "gave up")
}

// An Event is something that happened to a child.
type Event struct {
	Kind       EventKind
	Supervisor troupe.PID
	Child      string        // the child's name
	PID        troupe.PID    // its process; zero if it was not spawned
	Reason     error         // why it ended, did not start or was refused; nil is a normal end
	Restarts   int           // how often it was started again so far
	Delay      time.Duration // for ChildRestarting
}

// Log returns a function for [Spec].Report that logs what somebody may have to
// look into: failures, with the stack of a panic, children that would not stop
// and supervisors that gave up as errors, refusals as warnings, restarts as
// information. The ordinary course of things is logged for debugging. l may be
// used by any number of supervisors.
func Log(l *slog.Logger) func(Event) {
	return func(e Event) { e.log(l) }
}

func (e Event) level() slog.Level {
	switch e.Kind {
	case ChildEnded:
		if failed(e.Reason) {
			return slog.LevelError
		}
	case ChildOverdue, ChildNotStarted, GaveUp:
		return slog.LevelError
	case ChildRefused:
		return slog.LevelWarn
	case ChildRestarting:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func (e Event) log(l *slog.Logger) {
	level := e.level()
	if !l.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("supervisor", e.Supervisor.Path()), slog.String("child", e.Child)}
	if e.PID != (troupe.PID{}) {
		attrs = append(attrs, slog.String("process", e.PID.String()))
	}
	if e.Reason != nil {
		attrs = append(attrs, slog.Any("reason", e.Reason))
	}
	if e.Restarts > 0 {
		attrs = append(attrs, slog.Int("restarts", e.Restarts))
	}
	if e.Kind == ChildRestarting {
		attrs = append(attrs, slog.Duration("delay", e.Delay))
	}
	if p := (*troupe.PanicError)(nil); e.Kind != GaveUp && e.Kind != ChildRestarting && errors.As(e.Reason, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	l.LogAttrs(context.Background(), level, "supervisor: "+e.Kind.String(), attrs...)
}

// failed reports whether reason is that of a failure: not normal, and not a
// shutdown. A panic is always a failure, whatever it was called with; a
// supervisor that gave up because a child panicked has not panicked itself.
func failed(reason error) bool {
	if _, panicked := reason.(*troupe.PanicError); panicked { //nolint:errorlint // see above
		return true
	}
	return !troupe.IsNormal(reason) && !errors.Is(reason, troupe.ErrShutdown)
}
