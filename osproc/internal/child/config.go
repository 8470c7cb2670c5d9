package child

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// Config says how a child is to be started. The zero Config is useful.
type Config struct {
	Name   string   // in errors and logs; "" is the role's or program's
	Env    []string // "key=value"; nil is the parent's own
	Dir    string   // working directory; "" is the parent's own
	Stdin  Input
	Stdout Output
	Stderr Output

	Nice   int           // added to the parent's niceness; 0 leaves it
	Memory int64         // bytes of writable private memory; 0 is no limit
	CPU    time.Duration // processor time, rounded up to seconds; 0 is no limit
	Files  int           // open descriptors; 0 leaves the limit as it is

	Grace  time.Duration // between SIGTERM and SIGKILL; 0 is DefaultGrace, negative is none
	Orphan time.Duration // how long it may outlive its parent
	Ready  time.Duration // how long a worker may take to say hello; 0 is DefaultReady
	Group  bool          // a process group of its own, which is killed as a whole
	Daemon bool          // Join does not wait for it

	IgnoreInterrupt bool // a worker that leaves SIGINT to its parent
}

// What the zero values in a [Config] stand for.
const (
	DefaultGrace = 5 * time.Second
	DefaultReady = 10 * time.Second
)

// Output says where standard output or standard error go. The zero Output is the
// parent's own; the standard error of a worker goes there by way of the parent, so that
// its end is known.
type Output struct {
	Inherit bool // in any case
	Discard bool
	File    *os.File  // given to the child as it is
	Sink    io.Writer // gets what the child writes, from a goroutine

	// Open makes a Sink for each child that is started, and what is called after the last
	// write to it.
	Open func() (sink io.Writer, flush func())
}

func (o Output) zero() bool {
	return !o.Inherit && !o.Discard && o.File == nil && o.Sink == nil && o.Open == nil
}

// Input says what standard input is. The zero Input is empty.
type Input struct {
	Inherit bool
	File    *os.File // given to the child as it is
	Pipe    bool     // see Child.Stdin
}

// Job is what a child is to do: a role of this program, or another program.
type Job struct {
	Role string
	Fill func(*wire.Encoder) error // encodes what the role begins with; nil is nothing
	// Launched is called when the worker runs, and is not ready yet; nil is nothing.
	Launched func(*Child)
	// Endless means that sending on the link waits for nothing, however much has not left.
	Endless bool

	Path string   // of a program, as exec.LookPath found it
	Args []string // with the name of the program first
}

// Errors of Start.
var (
	ErrNoMain = errors.New("osproc: Main was not called: call osproc.Main() first thing in main (in tests: in TestMain), so that the program can serve when it is started as a worker")
	ErrSystem = errors.New("osproc: starting processes is not supported on this system")
)

// Why a parent ended a child; see [Child.Cause].
var (
	ErrKilled     = errors.New("osproc: killed by its parent")
	ErrTerminated = errors.New("osproc: told to end")
)
