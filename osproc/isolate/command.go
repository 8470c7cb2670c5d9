package isolate

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
)

// A Line is a line that a program wrote, without its end.
type Line struct {
	Text   string
	Stderr bool // it came from standard error
}

// Input is what can be sent to a program.
type Input struct {
	Line  string // written to its standard input, with an end of line
	Close bool   // there is no more: standard input is closed after Line, unless that is empty
}

// Command returns a body that runs another program. What is sent to the process goes to
// the program's standard input. each is called for every line that it writes, one call
// at a time; its context is the process's, so that what it sends comes from the process.
// An error from each ends the program and is the reason. A nil each throws output away.
//
// When the program exits with code 0 the process ends normally, and otherwise with an
// *osproc.ExitError, after each was called for the last line. A process that is told to
// end sends SIGTERM and waits for the program to end; four seconds later, or after the
// Grace of the configuration, SIGKILL. When the process is killed, so is the program.
//
// The body can be spawned any number of times, also under a supervisor.
func Command(cmd *osproc.Cmd, each func(ctx context.Context, l Line) error) func(self *troupe.Self[Input]) error {
	return CommandWith(osproc.Config{}, cmd, each)
}

// CommandWith is Command with a configuration, of which Stdin, Stdout and Stderr are not
// used.
func CommandWith(cfg osproc.Config, cmd *osproc.Cmd, each func(ctx context.Context, l Line) error) func(self *troupe.Self[Input]) error {
	if cfg.Grace == 0 {
		cfg.Grace = commandGrace
	}
	return func(self *troupe.Self[Input]) error {
		r := &runner{self: self, each: each}
		return r.run(cfg, cmd)
	}
}

// commandGrace is shorter than that of a process, which otherwise would be a zombie by
// the time its program is killed.
const commandGrace = 4 * time.Second

// A runner is one program that runs as a process.
type runner struct {
	self *troupe.Self[Input]
	each func(context.Context, Line) error

	mu     sync.Mutex // one call of each at a time
	over   bool       // each has failed; guarded by mu
	failed chan error
}

func (r *runner) run(cfg osproc.Config, cmd *osproc.Cmd) error {
	r.failed = make(chan error, 1)
	cfg.Stdin = osproc.FromPipe()
	cfg.Stdout, cfg.Stderr = r.lines(false), r.lines(true)
	p, err := cmd.StartWith(r.self, cfg)
	if err != nil {
		return err
	}
	defer context.AfterFunc(r.self, func() {
		if errors.Is(context.Cause(r.self), troupe.ErrKilled) {
			_ = p.Kill()
		}
	})()
	r.self.Ready()
	reason := r.feed(p)
	<-p.Done()
	select {
	case err := <-r.failed: // perhaps because of its last line
		reason = err
	default:
	}
	if reason == nil {
		reason = p.Err()
	}
	return reason
}

// lines returns where one of the program's outputs goes.
func (r *runner) lines(stderr bool) osproc.Output {
	if r.each == nil {
		return osproc.Discard()
	}
	return osproc.ToLines(func(line []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.over {
			return
		}
		if err := r.each(r.self, Line{Text: string(line), Stderr: stderr}); err != nil {
			r.over = true
			r.failed <- err
		}
	})
}

// feed writes what comes to the program, until it has ended, or is to end for a reason.
func (r *runner) feed(p *osproc.Program) error {
	for {
		select {
		case <-p.Done():
			return nil
		case err := <-r.failed:
			_ = p.Kill()
			return err
		case <-r.self.Mail():
		}
		for m := r.self.Receive(troupe.After(0)); m.Event != troupe.Timeout; m = r.self.Receive(troupe.After(0)) {
			if m.Event == troupe.Exit {
				go func() { _ = p.Stop(context.Background()) }()
				return m.Reason
			}
			if m.Event == troupe.Sent {
				r.write(p.Stdin(), m.Body)
			}
		}
	}
}

// write writes to the program. A program that does not read any more is not an error.
func (r *runner) write(w io.WriteCloser, in Input) {
	if in.Line != "" || !in.Close {
		if _, err := io.WriteString(w, in.Line+"\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
			in.Close = true
		}
	}
	if in.Close {
		_ = w.Close()
	}
}
