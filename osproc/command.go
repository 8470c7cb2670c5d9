package osproc

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/troupe-go/troupe/osproc/internal/child"
)

// Cmd is another program with its arguments, to be started as a [Program]. Make one with
// [Command]; it can be started any number of times.
type Cmd struct {
	Path string   // of the executable
	Args []string // with the name of the program first
	err  error
}

// Command describes a program and its arguments. A name without a slash is looked up as
// [exec.LookPath] does; Start tells if it was not found.
//
// What is started is a child as any other, and unlike one started with package os/exec it
// dies with its parent. Its own children do not, unless they see to that themselves; see
// Group in [Config] for the other cases.
func Command(name string, args ...string) *Cmd {
	c := &Cmd{Path: name, Args: append([]string{name}, args...)}
	if filepath.Base(name) == name {
		c.Path, c.err = exec.LookPath(name)
	}
	return c
}

// Program is a running program; see [Cmd.Start]. All methods may be called concurrently.
type Program struct{ *Child }

// Start starts the program. When ctx ends it is told to end with SIGTERM, and killed after
// a grace of five seconds. The error wraps that of the system.
func (c *Cmd) Start(ctx context.Context) (*Program, error) { return c.StartWith(ctx, Config{}) }

// StartWith is Start with a configuration. Limits are set a moment after the program has
// begun.
func (c *Cmd) StartWith(ctx context.Context, cfg Config) (*Program, error) {
	if c.err != nil {
		return nil, fmt.Errorf("osproc: %w", c.err)
	}
	cfg = cfg.named(filepath.Base(c.Path))
	p, err := child.Start(ctx, cfg.Internal(), child.Job{Path: c.Path, Args: c.Args})
	if err != nil {
		return nil, err
	}
	return &Program{&Child{c: p, done: p.Done(), err: func() error { return programError(p) }}}, nil
}

// programError is nil if the program was content.
func programError(c *child.Child) error {
	if exitStatus(c.End().Status).Success() {
		return nil
	}
	return exitError(c)
}

// Wait waits for the end of the program. It returns nil if that exited with code 0, an
// [*ExitError] if not, and the cause of ctx if that ends first; the program goes on then.
func (p *Program) Wait(ctx context.Context) error {
	if err := p.Poll(ctx); err != nil {
		return err
	}
	return p.err()
}
