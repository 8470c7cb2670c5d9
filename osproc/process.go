package osproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/osproc/internal/child"
)

// Child is what every OS process that this program started has, a [Process] of a function
// or a [Program]. All methods may be called concurrently, also when the child has ended.
type Child struct {
	c    *child.Child
	done <-chan struct{}
	err  func() error // called when done is closed
}

// Name is the name from the [Config], or that of the function or program.
func (c *Child) Name() string { return c.c.Name() }

// PID is the number that the system gave to the process. When the child has ended, another
// process may get it.
func (c *Child) PID() int { return c.c.PID() }

// Alive reports that the child has not ended.
func (c *Child) Alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Done returns a channel that is closed when the child has ended, was waited for, and all
// that it sent and wrote has arrived.
func (c *Child) Done() <-chan struct{} { return c.done }

// Poll waits for the end of the child. It returns the cause of ctx if that ends first. It
// makes a child something that ipc.WaitAny can wait for.
func (c *Child) Poll(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	default:
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Err returns nil while the child lives, and then the error that Wait returns.
func (c *Child) Err() error {
	if c.Alive() {
		return nil
	}
	return c.err()
}

// ExitStatus says how the child ended; ok=false means that it has not.
func (c *Child) ExitStatus() (status ExitStatus, ok bool) {
	if c.Alive() {
		return ExitStatus{}, false
	}
	return exitStatus(c.c.End().Status), true
}

// Usage says what the child has used up; ok=false means that it has not ended.
func (c *Child) Usage() (usage Usage, ok bool) {
	if c.Alive() {
		return Usage{}, false
	}
	return Usage(c.c.End().Usage), true
}

// Kill ends the child at once (SIGKILL); nothing can stop that. Like the other methods
// that send a signal it does not wait, and returns [os.ErrProcessDone] if the child has
// ended.
func (c *Child) Kill() error { return c.c.Kill(ErrKilled) }

// Terminate tells the child to end (SIGTERM): it cancels the context of its function, with
// [ErrTerminated] as the cause. The child may take its time, or not listen; see Stop.
func (c *Child) Terminate() error { return c.c.Signal(syscall.SIGTERM) }

// Interrupt interrupts the child (SIGINT), as Ctrl-C does: it cancels the context of its
// function, with [ErrInterrupted] as the cause.
func (c *Child) Interrupt() error { return c.c.Signal(syscall.SIGINT) }

// Signal sends any signal.
func (c *Child) Signal(sig syscall.Signal) error { return c.c.Signal(sig) }

// Stop tells the child to end, as Terminate does, kills it when its Grace is over (see
// [Config]), and waits for its end. It returns nil when the child has ended, in whatever
// way, and the cause of ctx if that ends first.
func (c *Child) Stop(ctx context.Context) error {
	_ = c.c.Stop(ErrTerminated)
	return c.Poll(ctx)
}

// Stdin is the other end of the child's standard input if that is [FromPipe], else nil.
// Close it to tell the child that there is no more. A write fails with [syscall.EPIPE]
// when nobody reads any more. It is closed when the child has ended.
func (c *Child) Stdin() io.WriteCloser {
	if f := c.c.Stdin(); f != nil {
		return f
	}
	return nil
}

// Process is an OS process that runs a registered function; see [Func.Start]. All methods
// may be called concurrently.
type Process[R any] struct {
	*Child
	answer *answer[R]
}

// An answer is what came back from a function's process.
type answer[R any] struct {
	result R
	err    error
	done   chan struct{}
}

// Wait waits for the end of the process and returns what its function returned; any number
// of goroutines may call it. It returns the cause of ctx if that ends first, and the process
// goes on.
//
// If the function returned an error, panicked or called [runtime.Goexit], that is the error
// (see [Register], [*PanicError], [ErrGoexit]). If the process ended without a result, by a
// signal, by [os.Exit] or by a fault, the error is an [*ExitError].
func (p *Process[R]) Wait(ctx context.Context) (R, error) {
	if err := p.Poll(ctx); err != nil {
		var zero R
		return zero, err
	}
	return p.answer.result, p.answer.err
}

// A Waiter is a child as [WaitAll] sees it.
type Waiter interface {
	Name() string
	Done() <-chan struct{}
	Err() error
}

// WaitAll waits until all of ws have ended. It returns their errors joined, each with the
// name of its child, or the cause of ctx if that ends first. To wait for any one of several
// children, select on [Child.Done], or use ipc.WaitAny.
func WaitAll(ctx context.Context, ws ...Waiter) error {
	var all []error
	for _, w := range ws {
		select {
		case <-w.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := w.Err(); err != nil {
			all = append(all, fmt.Errorf("%s: %w", w.Name(), err))
		}
	}
	return errors.Join(all...)
}

// Start runs the function for a in a process of its own, and returns when the process has
// begun with it. When ctx ends the process is told to end, and killed after a grace of five
// seconds, also when Start has returned long ago; [Process.Wait] then returns an error that
// wraps the cause of ctx, unless the function had something else to say.
//
// Start returns an error if the argument or the result cannot travel, if the system refuses
// (too many descriptors or processes), if the program does not call [Main], if the worker is
// not the same program, does not know the function or cannot decode the argument, and if it
// dies meanwhile. No process is left then.
func (f *Func[A, R]) Start(ctx context.Context, a A) (*Process[R], error) {
	return f.StartWith(ctx, a, Config{})
}

// StartWith is Start with a configuration.
func (f *Func[A, R]) StartWith(ctx context.Context, a A, cfg Config) (*Process[R], error) {
	prepareRoles()
	codecs, err := f.compile()
	if err != nil {
		return nil, err
	}
	c, err := child.Start(ctx, cfg.named(f.name).Internal(), child.Job{Role: "function", Fill: f.filler(codecs, a)})
	if err != nil {
		return nil, startError(c, err)
	}
	ans := &answer[R]{done: make(chan struct{})}
	go collect(c, codecs, ans)
	p := &Process[R]{&Child{c: c, done: ans.done, err: func() error { return ans.err }}, ans}
	return p, nil
}

// collect waits for the answer and then for the end of the process.
func collect[A, R any](c *child.Child, codecs *codecs[A, R], ans *answer[R]) {
	kind, body, err := c.Link().Receive()
	answered := err == nil
	switch {
	case err != nil:
	case kind == kindResult:
		ans.result, ans.err = codecs.result.Decode(body)
	case kind == kindFailure:
		ans.err = because(decodeFailure(body), c.Cause())
	default:
		ans.err = fmt.Errorf("osproc: %s sent a frame of kind %#x instead of its result", c.Name(), kind)
	}
	if answered && ans.err != nil {
		var zero R
		ans.result = zero
	}
	if !answered {
		// The link ends with the process; else there is no use for it.
		end := time.AfterFunc(linkless, func() { _ = c.Kill(errLinkless) })
		defer end.Stop()
	}
	<-c.Done()
	c.Link().Close()
	if !answered {
		ans.err = exitError(c)
	}
	close(ans.done)
}

// because adds why the parent told a function to end, if that is all that the function says.
func because(err, cause error) error {
	if cause == nil || errors.Is(err, cause) || !errors.Is(err, ErrTerminated) && !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// linkless is how long a process may go on that has closed its link.
const linkless = time.Second

var errLinkless = errors.New("osproc: it has closed its link to the parent, descriptor 3")
