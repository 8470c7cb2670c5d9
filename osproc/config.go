package osproc

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/troupe-go/troupe/osproc/internal/child"
)

// Config says how a child is started: a process of a function ([Func.StartWith]), the
// workers of a pool ([PoolConfig]), another program ([Cmd.StartWith]). The zero Config
// starts it as Start does: with the output, environment and directory of the parent.
type Config struct {
	// Name is what errors and logs call the child. The default is the name of the
	// function or program.
	Name string

	// Env is the whole environment, as "key=value"; nil means the parent's.
	Env []string
	// Dir is the working directory; "" means the parent's.
	Dir string

	// Stdin is empty unless it is set; Stdout and Stderr are the parent's. The standard
	// error of a process of this program takes its way through the parent, so that its
	// end can be in an [ExitError]; see [Inherit].
	Stdin          Input
	Stdout, Stderr Output

	// Nice is added to the parent's niceness, from -20 (rights needed) to 19.
	Nice   int
	Limits Limits

	// Grace is how long the child may take to end after it was told to: by
	// [Child.Stop], or by the end of the context that it was started with. Then it is
	// killed. 0 means 5 seconds; a negative Grace kills at once.
	Grace time.Duration
	// Orphan is how long the function may go on after its parent has died, for
	// cleaning up; its context is cancelled. 0 means that it is killed at once, by the
	// kernel. It is for functions of this program.
	Orphan time.Duration
	// Patience is how long the child may take to call [Main]. 0 means 10 seconds.
	Patience time.Duration

	// Group puts the child into a process group of its own. Signals go to the whole
	// group, and what is left of it when the child has ended is killed. Signals from
	// the terminal, such as Ctrl-C, do not reach it.
	Group bool
	// Daemon means that nobody waits for the child: it is killed when its parent ends.
	// See [Join].
	Daemon bool
}

// Limits are enforced by the system (on Linux; elsewhere Start fails if any is set). The
// zero value sets none.
type Limits struct {
	// Memory is how many bytes of private, writable memory the child may have: its
	// heap, stacks and globals, also what it has asked for and not touched yet
	// (RLIMIT_DATA). A Go program that needs more dies with "out of memory", which is
	// in the [ExitError]; its garbage collector is told, so that it works harder
	// before that. A Go program needs 10 MB or so to begin with; one that uses cgo (as
	// package net can) 8 MB for each of its threads besides.
	Memory int64
	// CPU is the processor time that the child may use, on all processors together, in
	// whole seconds (RLIMIT_CPU). At the limit the context of a function is cancelled
	// and other programs die by SIGXCPU; a second later SIGKILL ends both.
	CPU time.Duration
	// Files is how many descriptors the child may have open (RLIMIT_NOFILE).
	Files int
}

// Internal is for package isolate, which starts children of its own kind.
func (c Config) Internal() child.Config {
	return child.Config{
		Name: c.Name, Env: c.Env, Dir: c.Dir,
		Stdin: c.Stdin.in, Stdout: c.Stdout.child(&c), Stderr: c.Stderr.child(&c),
		Nice: c.Nice, Memory: c.Limits.Memory, CPU: c.Limits.CPU, Files: c.Limits.Files,
		Grace: c.Grace, Orphan: c.Orphan, Ready: c.Patience, Group: c.Group, Daemon: c.Daemon,
	}
}

// named returns c with a name.
func (c Config) named(name string) Config {
	if c.Name == "" {
		c.Name = name
	}
	return c
}

// Input says what a child's standard input is. The zero Input is empty.
type Input struct{ in child.Input }

// FromParent gives the child the parent's standard input.
func FromParent() Input { return Input{child.Input{Inherit: true}} }

// FromFile gives the child a file as its standard input. The file can be closed when the
// child was started.
func FromFile(f *os.File) Input { return Input{child.Input{File: f}} }

// FromPipe gives the child a pipe; the other end is [Child.Stdin].
func FromPipe() Input { return Input{child.Input{Pipe: true}} }

// Output says where a child's standard output, or standard error, goes. The zero Output is
// the parent's own. What goes to a log, a writer or a function is read by a goroutine of
// the parent, and the end of standard error is kept for the [ExitError].
type Output struct {
	out   child.Output
	lines func(c *Config) func(line []byte)
}

func (o Output) child(c *Config) child.Output {
	if o.lines == nil {
		return o.out
	}
	each := o.lines(c)
	return child.Output{Open: func() (io.Writer, func()) {
		w := &lineWriter{each: each}
		return w, w.flush
	}}
}

// Inherit gives the child the parent's own standard output, or standard error.
func Inherit() Output { return Output{out: child.Output{Inherit: true}} }

// Discard throws output away.
func Discard() Output { return Output{out: child.Output{Discard: true}} }

// ToFile gives the child the file itself, which costs the parent nothing. It can be closed
// when the child was started.
func ToFile(f *os.File) Output { return Output{out: child.Output{File: f}} }

// ToWriter copies output to w. A w that fails gets no more, and the child does not feel it;
// a w that is slow holds the child back. Several children with the same Output, such as the
// workers of a pool, write one after the other.
func ToWriter(w io.Writer) Output { return Output{out: child.Output{Sink: &oneByOne{w: w}}} }

// oneByOne lets one write happen at a time.
type oneByOne struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneByOne) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}

// ToLog logs output line by line at a level, with the child's name as attribute "child".
// A nil logger is [slog.Default]. Lines of more than 64 KiB are cut.
func ToLog(log *slog.Logger, level slog.Level) Output {
	return Output{lines: func(c *Config) func([]byte) {
		to := log
		if to == nil {
			to = slog.Default()
		}
		name := c.Name
		return func(line []byte) {
			to.Log(context.Background(), level, string(line), "child", name)
		}
	}}
}

// ToLines calls each for every line, without its end. The line is only valid during the
// call, and calls come one after the other, also those for several children with the same
// Output, such as the workers of a pool. An each that waits holds them back. Lines of more than
// 64 KiB come in pieces.
func ToLines(each func(line []byte)) Output {
	var mu sync.Mutex
	return Output{lines: func(*Config) func([]byte) {
		return func(line []byte) {
			mu.Lock()
			defer mu.Unlock()
			each(line)
		}
	}}
}

// maxLine is the longest line that is not cut, in bytes.
const maxLine = 64 << 10

// A lineWriter cuts what is written to it into lines.
type lineWriter struct {
	each func([]byte)
	rest []byte // the beginning of a line
}

func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		line, after, found := bytes.Cut(b, []byte("\n"))
		if !found {
			break
		}
		if len(w.rest) > 0 {
			line = append(w.rest, line...)
			w.rest = w.rest[:0]
		}
		w.each(bytes.TrimSuffix(line, []byte("\r")))
		b = after
	}
	w.rest = append(w.rest, b...)
	for len(w.rest) >= maxLine {
		w.each(w.rest[:maxLine])
		w.rest = append(w.rest[:0], w.rest[maxLine:]...)
	}
	return n, nil
}

// flush hands over a last line that has no end.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.each(w.rest)
		w.rest = nil
	}
}
