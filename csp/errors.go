package csp

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrClosed is returned by a put into a channel or a promise that no longer accepts values.
// A put refused by a channel that was closed with an error of its own returns an error that
// is both ErrClosed and that error, as told by [errors.Is].
var ErrClosed = errors.New("csp: put on a closed channel: stop producing")

// ErrTooManyPending is returned by [Chan.PutFunc] and [Chan.GetFunc] when [MaxPending]
// callbacks already wait on the channel.
var ErrTooManyPending = errors.New("csp: too many callbacks pending: use Put or Get, which wait")

// ErrGoexit is the error of a goroutine of a [Scope] that ended by [runtime.Goexit].
var ErrGoexit = errors.New("csp: goroutine ended by runtime.Goexit instead of returning")

// closeCause is the error of a channel that was closed with one.
type closeCause struct{ cause error }

func (e *closeCause) Error() string        { return "csp: channel was closed: " + e.cause.Error() }
func (e *closeCause) Is(target error) bool { return target == ErrClosed }
func (e *closeCause) Unwrap() error        { return e.cause }

// PanicError is the error that a panic becomes when the package calls a function of yours on
// a goroutine of its own, where nobody else could recover it.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the stack of the goroutine that panicked
}

// NewPanicError wraps a value returned by recover. Call it in the deferred function that
// recovered, so that the stack it records still shows where the panic came from.
func NewPanicError(value any) *PanicError {
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// Error returns the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("csp: panic: %v", e.Value) }

// Unwrap returns the panic's value if it is an error, so that errors.Is sees it.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
