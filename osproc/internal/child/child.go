package child

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// A Child is a process that this one started. All methods may be called concurrently.
type Child struct {
	name   string
	pid    int
	proc   proc
	link   *wire.Link // of a worker
	stdin  *os.File   // the end of the pipe, if there is one
	output []*output
	crash  *os.File // of a worker
	grace  time.Duration
	daemon bool

	mu      sync.Mutex
	cause   error
	ending  *time.Timer // kills when the grace is over
	uncause func() bool // forgets the context

	done chan struct{}
	end  End // once done is closed
}

// Name is the name that the child was given.
func (c *Child) Name() string { return c.name }

// PID is the child's number. After Done the system may give it to another process.
func (c *Child) PID() int { return c.pid }

// Link is the link to a worker, which belongs to its role; nil for a program.
func (c *Child) Link() *wire.Link { return c.link }

// Stdin is the end of the pipe that is the child's standard input, if it was asked for.
func (c *Child) Stdin() *os.File { return c.stdin }

// Done is closed when the child has ended and was waited for, and all its output was read.
func (c *Child) Done() <-chan struct{} { return c.done }

// End says how the child ended. It waits for that.
func (c *Child) End() End {
	<-c.done
	return c.end
}

// Signal sends a signal. It returns [os.ErrProcessDone] when the child has ended.
func (c *Child) Signal(sig syscall.Signal) error { return c.proc.signal(sig) }

// Kill ends the child at once. The first cause is the one that counts.
func (c *Child) Kill(cause error) error {
	c.because(cause)
	return c.proc.signal(syscall.SIGKILL)
}

// Stop tells the child to end, and kills it if it has not when its grace is over.
func (c *Child) Stop(cause error) error {
	c.because(cause)
	if c.grace < 0 {
		return c.proc.signal(syscall.SIGKILL)
	}
	err := c.proc.signal(syscall.SIGTERM)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.done:
	default:
		if c.ending == nil {
			c.ending = time.AfterFunc(c.grace, func() { _ = c.proc.signal(syscall.SIGKILL) })
		}
	}
	return nil
}

func (c *Child) because(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
	}
}

// Cause is why this process ended the child, so far: nil if it did not.
func (c *Child) Cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// bind ends the child when ctx ends.
func (c *Child) bind(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = c.Stop(context.Cause(ctx)) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uncause = stop
}

// look waits for the child, and closes done. It runs in a goroutine of its own.
func (c *Child) look() {
	status, usage := c.proc.wait()
	stderr := ""
	for _, o := range c.output {
		stderr += o.finish()
	}
	c.mu.Lock()
	if c.ending != nil {
		c.ending.Stop()
	}
	if c.uncause != nil {
		c.uncause()
	}
	cause := c.cause
	c.mu.Unlock()
	c.end = End{Status: status, Usage: usage, Cause: cause, Crash: crashOf(lastWords(c.crash), stderr), Stderr: lastOf(stderr)}
	if c.stdin != nil {
		c.stdin.Close()
	}
	family.leave(c)
	releaseThread()
	close(c.done)
}

// family is the children of this process that live.
var family = relatives{living: make(map[*Child]struct{})}

type relatives struct {
	sync.Mutex
	living map[*Child]struct{}
}

func (r *relatives) join(c *Child) {
	r.Lock()
	defer r.Unlock()
	r.living[c] = struct{}{}
}

func (r *relatives) leave(c *Child) {
	r.Lock()
	defer r.Unlock()
	delete(r.living, c)
}

// one returns a child that lives and is not a daemon.
func (r *relatives) one() *Child {
	r.Lock()
	defer r.Unlock()
	for c := range r.living {
		if !c.daemon {
			return c
		}
	}
	return nil
}

// Join waits until no child lives but daemons, or ctx ends.
func Join(ctx context.Context) error {
	for c := family.one(); c != nil; c = family.one() {
		select {
		case <-c.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// ErrDied says that a child ended where that was not expected; its End says how.
var ErrDied = errors.New("osproc: the process ended")
