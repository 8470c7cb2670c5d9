package child

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// The frames with which a link begins. What follows Ready belongs to the role.
const (
	kindHello   byte = 0xf0 + iota // worker: the token
	kindJob                        // parent: settings and what the role begins with
	kindReady                      // worker
	kindRefused                    // worker: an error
)

// settings is what every worker is told, whatever its role.
type settings struct {
	Role            string
	Name            string
	Memory          int64
	Orphan          time.Duration
	IgnoreInterrupt bool
}

// greet waits for the worker to say hello, gives it its job, and waits until it is ready.
// If that fails the worker has ended when greet returns.
func (c *Child) greet(cfg Config, job Job, token string) error {
	err := c.hear(cfg, token)
	if err == nil {
		err = c.limit(cfg) // not before: the runtime needs memory and files to begin with
	}
	if err == nil {
		err = c.engage(cfg, job)
	}
	if err != nil {
		_ = c.Kill(err)
		<-c.done
		c.closeLink()
	}
	return err
}

// hear waits for the worker to say hello.
func (c *Child) hear(cfg Config, token string) error {
	patience := cfg.Ready
	if patience == 0 {
		patience = DefaultReady
	}
	var late atomic.Bool
	timer := time.AfterFunc(patience, func() {
		late.Store(true)
		_ = c.Kill(errSilent)
	})
	defer timer.Stop()
	kind, body, err := c.link.Receive()
	if errors.Is(err, wire.ErrOtherProgram) || errors.Is(err, wire.ErrOtherVersion) {
		return fmt.Errorf("osproc: %s is another program than this one: %w", c.name, err)
	}
	if err != nil {
		<-c.done
		return c.silent(late.Load(), patience)
	}
	if kind != kindHello {
		return fmt.Errorf("osproc: %s began with something else than hello: is osproc.Main() called first in main?", c.name)
	}
	return checkHello(body, token)
}

var errSilent = errors.New("osproc: it did not say hello")

func checkHello(body *wire.Decoder, token string) error {
	said, err := body.Text()
	if err == nil && said != token {
		err = errors.New("osproc: somebody else answered than the worker that was started")
	}
	return err
}

// silent is the error about a worker that ended, or was killed, before it said hello.
func (c *Child) silent(late bool, patience time.Duration) error {
	cause := c.Cause()
	switch {
	case late:
		return fmt.Errorf("osproc: %s did not say hello within %v: call osproc.Main() first thing in main, before anything that takes time", c.name, patience)
	case cause != nil:
		return cause
	case c.end.Crash != "" || c.end.Status.Signal != 0:
		return ErrDied
	}
	return fmt.Errorf("osproc: %s ended (%v) before it said hello: is osproc.Main() called first thing in main, also on this path?%s", c.name, c.end.Status, said(c.end.Stderr))
}

func said(stderr string) string {
	if stderr == "" {
		return ""
	}
	return " Its standard error ends with:\n" + stderr
}

// engage gives the worker its job, and waits until it is ready.
func (c *Child) engage(cfg Config, job Job) error {
	var fillErr error
	err := c.link.Send(kindJob, func(e *wire.Encoder) error {
		codec, err := wire.For[settings]()
		if err == nil {
			err = codec.Encode(e, settings{job.Role, c.name, cfg.Memory, cfg.Orphan, cfg.IgnoreInterrupt})
		}
		if err == nil && job.Fill != nil {
			err = job.Fill(e)
		}
		fillErr = err
		return err
	})
	if fillErr != nil {
		return fillErr
	}
	if err != nil {
		return c.died()
	}
	kind, body, err := c.link.Receive()
	switch {
	case err != nil:
		return c.died()
	case kind == kindReady:
		return nil
	case kind == kindRefused:
		return decodeRefusal(body)
	}
	return fmt.Errorf("osproc: %s answered with a frame of kind %#x instead of ready", c.name, kind)
}

// died waits for the end of a worker whose link has failed.
func (c *Child) died() error {
	_ = c.proc.signal(syscall.SIGKILL)
	<-c.done
	if cause := c.Cause(); cause != nil {
		return cause
	}
	return ErrDied
}

func decodeRefusal(body *wire.Decoder) error {
	codec, err := wire.For[error]()
	if err != nil {
		return err
	}
	refusal, err := codec.Decode(body)
	if err == nil {
		err = refusal
	}
	return err
}
