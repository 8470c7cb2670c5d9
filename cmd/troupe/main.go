// Command troupe shows what the troupe library does and, later, what a running
// program is doing.
//
//	troupe demo [DIR]   count the words of a tree of files with workers that crash
//	troupe version      say which version this is
//
// It exits with 0 when all is well, with 1 when the work failed, with 2 when it
// was called wrongly, and with 130 when it was interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"

	"github.com/alecthomas/kong"
	"github.com/troupe-go/troupe/cmd/troupe/internal/crew"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// commands are all that the command line understands. A command is a struct
// with its flags as fields and a method Run.
type commands struct {
	Demo    demo    `cmd:"" help:"Count the words of a tree of files with workers that crash."`
	Version version `cmd:"" help:"Say which version this is."`
}

// An exit is an error that has its own exit code.
type exit struct {
	error
	code int
}

// Unwrap returns the error without its code.
func (e exit) Unwrap() error { return e.error }

// usage marks an error as a mistake of whoever called the program.
func usage(err error) error { return exit{err, exitUsage} }

// errInterrupted is the cause of a context that ended because of Ctrl-C.
var errInterrupted = errors.New("interrupted")

// console is where a command writes.
type console struct {
	out, err io.Writer
}

func main() {
	crew.Main() // in a worker of the demo, it works and never returns
	os.Exit(interruptible(func(ctx context.Context) int {
		return run(ctx, os.Args[1:], console{os.Stdout, os.Stderr})
	}))
}

// interruptible calls f with a context that ends at the first Ctrl-C. The second
// one ends the program at once.
func interruptible(f func(context.Context) int) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() {
		<-interrupts
		signal.Stop(interrupts)
		cancel(errInterrupted)
	}()
	return f(ctx)
}

// helped ends the parsing of the command line after --help was printed.
type helped int

// run is the program without its surroundings. It returns the exit code.
func run(ctx context.Context, args []string, c console) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case helped:
			code = int(p)
		default:
			panic(p)
		}
	}()
	parser, err := kong.New(&commands{},
		kong.Name("troupe"),
		kong.Description("Processes that crash and programs that do not."),
		kong.WithHyphenPrefixedParameters(true), // so that -n -3 reaches the command, which says what is wrong
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"cpus": strconv.Itoa(runtime.GOMAXPROCS(0))},
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { panic(helped(code)) }), // after --help was printed
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
	if err != nil {
		fmt.Fprintln(c.err, "troupe:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(c.err, "troupe: %v\nTry 'troupe --help'.\n", err)
		return exitUsage
	}
	return report(c, command.Selected().Name, command.Run())
}

// report prints the error of a command, if there is one, and returns the exit
// code.
func report(c console, command string, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	if e, ok := errors.AsType[exit](err); ok {
		code = e.code
	}
	fmt.Fprintf(c.err, "troupe %s: %v\n", command, err)
	return code
}
