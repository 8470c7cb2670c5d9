package csp

import (
	"context"
	"sync"
)

// Scope is a set of goroutines that end together. Make one with [Run] or [NewScope].
//
// The first of its functions that fails or panics cancels the context that all of them have;
// its error is what [Scope.Wait] returns.
type Scope struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	err     error
	grave   bool // err is a panic or a Goexit
	stopped bool // by Stop: errors are echoes of that
}

// NewScope makes a scope whose goroutines are cancelled when ctx ends. Whoever makes it has to
// call Wait or Stop; [Run] does that by itself.
func NewScope(ctx context.Context) *Scope {
	s := new(Scope)
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	return s
}

// Run calls body with a new scope and, when body returns, cancels what goroutines are left in
// it and waits for them. It returns the first error or panic of body or of a goroutine, the
// panic as a [*PanicError]; an error that a goroutine returns because it was cancelled at the
// end does not count.
func Run(ctx context.Context, body func(*Scope) error) error {
	s := NewScope(ctx)
	s.guard(func(context.Context) error { return body(s) })
	return s.Stop()
}

// Go runs f on a new goroutine, with the scope's context. It may be called by any goroutine of
// the scope, and by others as long as neither Wait nor Stop has been called.
func (s *Scope) Go(f func(context.Context) error) {
	s.group.Go(func() { s.guard(f) })
}

// Context returns the context that ends when the scope fails or is stopped.
func (s *Scope) Context() context.Context { return s.ctx }

// Wait waits for all goroutines and returns the first error or panic, the latter as a
// [*PanicError] with the stack of the goroutine that panicked.
func (s *Scope) Wait() error {
	s.group.Wait()
	s.cancel(nil)
	return s.first()
}

// Stop cancels all goroutines and waits for them. It returns what was the first error before
// that, or the panic of a goroutine even after.
func (s *Scope) Stop() error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.cancel(context.Canceled)
	s.group.Wait()
	return s.first()
}

func (s *Scope) first() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// guard runs f and records how it failed.
func (s *Scope) guard(f func(context.Context) error) {
	err := ErrGoexit // unless f returns
	defer func() {
		if p := recover(); p != nil {
			s.fail(NewPanicError(p), true)
			return
		}
		if err != nil {
			s.fail(err, err == ErrGoexit)
		}
	}()
	err = f(s.ctx)
}

// fail records err if it is the first. A panic outranks an error, and counts even when it
// comes after the end.
func (s *Scope) fail(err error, grave bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.err == nil && !s.stopped
	if first || (grave && !s.grave) {
		s.err, s.grave = err, grave
	}
	s.cancel(err)
}
