package isolate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/internal/far"
	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// A host is the parent's side of one isolated process.
type host struct {
	process troupe.PID
	peer    *far.Peer
	name    string
	config  osproc.Config
	ctx     context.Context // of the start
	cancel  context.CancelCauseFunc
	grace   time.Duration

	mu     sync.Mutex
	child  *child.Child // once it was launched
	killed bool
	ended  bool  // the process has told its end
	reason error // with which
	late   *time.Timer
}

func newHost(process troupe.PID, name string, cfg osproc.Config) *host {
	h := &host{process: process, peer: far.New(nil), name: name, config: cfg}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	h.peer.KillMain, h.peer.MainEnded = h.kill, h.mainEnded
	if h.config.Name == "" {
		h.config.Name = name
	}
	return h
}

// run starts the OS process and does what it asks for, until it is gone. It returns the
// reason.
func (h *host) run(j job) error {
	h.grace = j.Options.Grace
	cfg := h.config.Internal()
	cfg.IgnoreInterrupt = true
	c, err := child.Start(h.ctx, cfg, child.Job{
		Role:     role,
		Launched: h.launched,
		Fill: func(e *wire.Encoder) error {
			codec, err := wire.For[job]()
			if err != nil {
				return err
			}
			return codec.Encode(e, j)
		},
	})
	if err != nil {
		return h.fail(h.startError(c, err))
	}
	h.peer.SetOS(c.PID())
	h.peer.Attach(c.Link())
	if err := h.peer.Serve(); err != nil {
		_ = c.Kill(err)
	}
	// The link ends with the process; otherwise there is no use for it.
	end := time.AfterFunc(linkless, func() { _ = c.Kill(errLinkless) })
	<-c.Done()
	end.Stop()
	_ = c.Link().Close()
	reason := h.why(c)
	h.close(reason)
	return reason
}

// linkless is how long a process may go on that has closed its link.
const linkless = time.Second

var (
	errLinkless = errors.New("isolate: it has closed its link to the parent, descriptor 3")
	errLate     = errors.New("isolate: its process had ended, and it did not exit")
)

// close lets go of everything that has to do with the other node.
func (h *host) close(reason error) {
	if troupe.IsNormal(reason) {
		reason = troupe.ErrShutdown // what its other processes were told
	}
	fail := h.peer.Close(reason)
	go func() {
		_ = h.process.Wait(context.Background())
		fail()
	}()
	h.cancel(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.late != nil {
		h.late.Stop()
	}
}

// fail is close for a process that could not be started.
func (h *host) fail(reason error) error {
	h.close(reason)
	return reason
}

func (h *host) startError(c *child.Child, err error) error {
	h.mu.Lock()
	killed := h.killed
	h.mu.Unlock()
	switch {
	case killed:
		return troupe.ErrKilled
	case c != nil && errors.Is(err, child.ErrDied):
		err = exitError(c)
	}
	return fmt.Errorf("isolate: %q could not be started: %w", h.name, err)
}

// launched is called when there is something to kill.
func (h *host) launched(c *child.Child) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.child = c
	if h.killed {
		_ = c.Kill(troupe.ErrKilled)
	}
}

// kill ends the OS process.
func (h *host) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.killed = true
	if h.child != nil {
		_ = h.child.Kill(troupe.ErrKilled)
		return
	}
	h.cancel(troupe.ErrKilled)
}

// mainEnded is called when the process has told its end. Its OS process may take the
// grace once more to end the others in it.
func (h *host) mainEnded(reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended, h.reason = true, reason
	if c := h.child; h.grace >= 0 && c != nil {
		h.late = time.AfterFunc(h.grace+linkless, func() { _ = c.Kill(errLate) })
	}
}

// why returns the reason of a process whose OS process is gone.
func (h *host) why(c *child.Child) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ended:
		return h.reason
	case h.killed:
		return troupe.ErrKilled
	}
	return exitError(c)
}

// exitError says how an OS process ended.
func exitError(c *child.Child) error {
	end := c.End()
	return &osproc.ExitError{
		Name: c.Name(), PID: c.PID(), Cause: end.Cause, Crash: end.Crash, Stderr: end.Stderr,
		Status: osproc.ExitStatus{Code: end.Status.Code, Signal: end.Status.Signal, CoreDumped: end.Status.Core},
	}
}
