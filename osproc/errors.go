package osproc

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// Causes: why a child was ended, as [ExitError] and the context of a function tell it.
var (
	// ErrKilled is the cause of a child that its parent ended with [Child.Kill].
	ErrKilled = child.ErrKilled
	// ErrTerminated is the cause of a child that was told to end: by [Child.Terminate],
	// [Child.Stop], or a SIGTERM from anywhere.
	ErrTerminated = child.ErrTerminated
	// ErrInterrupted is the cause of a function's context that SIGINT ended.
	ErrInterrupted = child.ErrInterrupted
	// ErrOrphaned is the cause of a function's context whose parent has died; see
	// [Config].
	ErrOrphaned = child.ErrOrphaned
	// ErrCPULimit is the cause of a function's context that has used up its processor
	// time; see [Limits].
	ErrCPULimit = child.ErrCPU
)

// Errors of starting.
var (
	// ErrNoMain says that the program has not called [Main], so that it could not serve
	// as a worker. It is returned before anything is started.
	ErrNoMain = child.ErrNoMain
	// ErrNotSupported says that this system cannot do it.
	ErrNotSupported = child.ErrSystem
)

// ErrGoexit is the error of a function that called [runtime.Goexit].
var ErrGoexit = errors.New("osproc: the function called runtime.Goexit")

// known makes the errors of this package keep their identity on their way between
// processes, once.
func registerErrors() {
	for name, err := range map[string]error{
		"osproc.ErrKilled": ErrKilled, "osproc.ErrTerminated": ErrTerminated,
		"osproc.ErrInterrupted": ErrInterrupted, "osproc.ErrOrphaned": ErrOrphaned,
		"osproc.ErrCPULimit": ErrCPULimit, "osproc.ErrNoMain": ErrNoMain,
		"osproc.ErrNotSupported": ErrNotSupported, "osproc.ErrGoexit": ErrGoexit,
	} {
		wire.RegisterError(name, err)
	}
	wire.Register[PanicError]("osproc.PanicError")
	wire.Register[ExitError]("osproc.ExitError")
}

// ExitStatus says how a process ended: with a code, or by a signal.
type ExitStatus struct {
	Code       int            // the exit code; -1 if a signal ended it, or nobody knows
	Signal     syscall.Signal // the signal that ended it; 0 if it exited
	CoreDumped bool
}

// Success reports that the process exited with code 0.
func (s ExitStatus) Success() bool { return s == ExitStatus{} }

// String returns a text such as "exit status 2" or "signal: killed".
func (s ExitStatus) String() string {
	return child.Status{Code: s.Code, Signal: s.Signal, Core: s.CoreDumped}.String()
}

// Usage is what a process has used up.
type Usage struct {
	User, System time.Duration // processor time
	MaxMemory    int64         // bytes resident at most; 0 where the system does not tell
}

// ExitError says that a process ended without a result, or a program with a code other
// than 0. [errors.Is] and [errors.As] look into its cause.
type ExitError struct {
	Name   string // of the child
	PID    int
	Status ExitStatus
	// Cause is why the parent ended the child: [ErrKilled], [ErrTerminated], the cause of
	// the context that it was started with; nil if it ended by itself.
	Cause error
	// Crash is what the Go runtime said last, with stacks, when the child is a worker that
	// died of a fault that nothing can recover from: a panic on a goroutine of its own, a
	// stack overflow, concurrent map writes, a lack of memory. At most 64 KiB.
	Crash string
	// Stderr is the end of the child's standard error, at most 4 KiB, if it came by the
	// parent: if it went to a log, a writer or a function, and by default for functions.
	Stderr string
}

// Error names the child, its status, the cause, and the first line of the crash or the last one of
// standard error.
func (e *ExitError) Error() string {
	text := fmt.Sprintf("osproc: %s (pid %d) ended: %v", e.Name, e.PID, e.Status)
	if e.Status.Success() {
		text += " without a result: was os.Exit called?"
	}
	if e.Cause != nil {
		text += ": " + strings.TrimPrefix(e.Cause.Error(), "osproc: ")
	}
	if line, _, _ := strings.Cut(strings.TrimLeft(e.Crash, "\n"), "\n"); line != "" {
		return text + ": " + line
	}
	said := strings.TrimSpace(e.Stderr)
	if said = said[strings.LastIndexByte(said, '\n')+1:]; said != "" && e.Cause == nil {
		text += fmt.Sprintf("; its standard error ends with %.200q", said)
	}
	return text
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Cause }

// exitError is the error of a child that has ended.
func exitError(c *child.Child) *ExitError {
	end := c.End()
	return &ExitError{
		Name: c.Name(), PID: c.PID(), Status: exitStatus(end.Status),
		Cause: end.Cause, Crash: end.Crash, Stderr: end.Stderr,
	}
}

func exitStatus(s child.Status) ExitStatus {
	return ExitStatus{Code: s.Code, Signal: s.Signal, CoreDumped: s.Core}
}

// startError is the error of a start. If the child has died on the way, it says how.
func startError(c *child.Child, err error) error {
	if c != nil && errors.Is(err, child.ErrDied) {
		return fmt.Errorf("%w, while it was started", exitError(c))
	}
	return err
}

// PanicError is the error of a function that panicked in its process. A panic on another
// goroutine of the process cannot be caught; it is in the Crash of an [ExitError].
type PanicError struct {
	Value string // what panic was called with, as text
	Stack string // of the goroutine that panicked
	Err   error  // what panic was called with, if it was an error
}

// Error returns the value. The stack is in Stack.
func (e *PanicError) Error() string { return "osproc: panic: " + e.Value }

// Unwrap returns what panic was called with, if it was an error.
func (e *PanicError) Unwrap() error { return e.Err }
