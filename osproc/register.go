package osproc

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc/internal/child"
	"github.com/troupe-go/troupe/osproc/internal/pool"
)

// functions are the registered functions by name. It is a registry of the whole program.
var functions struct {
	sync.Mutex
	byName map[string]function
}

// A function is a [Func] without its types, as a worker sees it.
type function interface {
	// prints identifies the types of argument and result.
	prints() (arg, result uint64)
	// serveOne runs the function for the argument that body begins with.
	serveOne(w *child.Worker, body *wire.Decoder)
	// runner runs it for the tasks of a pool.
	runner() (pool.Runner, error)
	// bound returns the function with the argument that body begins with.
	bound(body *wire.Decoder) (func(context.Context) error, error)
}

// Func is a function that can be run in a process of its own. It is made by [Register];
// its methods may be called concurrently.
type Func[A, R any] struct {
	name string
	run  func(context.Context, A) (R, error)

	compile func() (*codecs[A, R], error)
}

// Register makes fn known under a name, so that processes can be started that run it. It
// belongs in the declaration of a package variable, since the worker must know the name
// before it calls [Main]:
//
//	var resize = osproc.Register("resize", func(ctx context.Context, job Job) (Picture, error) { ... })
//
// A function that starts itself, or others that start it, has to be assigned in an init
// function instead, or Go sees a variable that needs itself.
//
// Register panics if the name is taken.
//
// The argument and the result travel between processes: everything that is data can, and
// whatever stands for something shared (locks, queues, connections, open files). What
// cannot (a chan, a func, a mutex) makes every start fail, with an error that names it.
//
// The context given to fn ends when its process is told to end; see [Child.Terminate].
// An error that fn returns keeps its text on the way to the parent, and its identity under
// [errors.Is] if it is one of Troupe's, of the standard library's best known ones, or was
// registered with [RegisterError]. A panic becomes a [*PanicError].
func Register[A, R any](name string, fn func(ctx context.Context, a A) (R, error)) *Func[A, R] {
	f := &Func[A, R]{name: name, run: fn}
	f.compile = sync.OnceValues(func() (*codecs[A, R], error) { return newCodecs[A, R](name) })
	functions.Lock()
	defer functions.Unlock()
	if _, taken := functions.byName[name]; taken {
		panic(fmt.Sprintf("osproc: Register: the name %q is taken: choose another one", name))
	}
	if functions.byName == nil {
		functions.byName = make(map[string]function)
	}
	functions.byName[name] = f
	return f
}

// RegisterError lets err keep its identity when a function returns it, or an error that
// wraps it, in another process: [errors.Is] finds err in the error that arrives. The name
// must be the same in both, which are the same program; declare it beside the error. It
// panics if the name or the error is registered differently.
func RegisterError(name string, err error) { wire.RegisterError(name, err) }

// Main is to be called first thing in main, and in a test program first in TestMain. In a
// process that was started as a worker it serves, and never returns. In all others it
// returns at once.
//
// A worker is this program started again, without its arguments. It has initialised its
// packages when it comes to Main, but should have done nothing else.
func Main() {
	prepareRoles()
	child.Main()
}

// prepareRoles makes known what this package's workers can be.
var prepareRoles = sync.OnceFunc(func() {
	registerErrors()
	child.Role("function", serveFunction)
	child.Role(pool.Role, servePool)
})

// Join waits until the children of this process have ended, but for daemons, or until ctx
// has ended, and then returns its cause. Children die with their parent, so a program that
// wants to let them finish ends with
//
//	osproc.Join(ctx)
//
// A worker joins its own children by itself, when its function has returned; its context
// goes on until then. (Python does the same at the end of every process.)
func Join(ctx context.Context) error { return child.Join(ctx) }

// Name is the name that the function was registered with.
func (f *Func[A, R]) Name() string { return f.name }

func (f *Func[A, R]) prints() (arg, result uint64) {
	if c, err := f.compile(); err == nil {
		return c.arg.print, c.result.print
	}
	return 0, 0
}

// address writes down which function is meant, and what it takes and gives.
func (f *Func[A, R]) address(e *wire.Encoder, c *codecs[A, R]) {
	e.Text(f.name)
	e.Uint(c.arg.print)
	e.Uint(c.result.print)
}

// find is the other side of address.
func find(d *wire.Decoder) (function, error) {
	name, err := d.Text()
	if err != nil {
		return nil, err
	}
	arg, err := d.Uint()
	if err != nil {
		return nil, err
	}
	result, err := d.Uint()
	if err != nil {
		return nil, err
	}
	functions.Lock()
	f := functions.byName[name]
	functions.Unlock()
	if f == nil {
		return nil, fmt.Errorf("osproc: no function is registered as %q in the worker (%s): call Register in the declaration of a package variable, so that it comes before Main", name, os.Args[0])
	}
	if a, r := f.prints(); a != arg || r != result {
		return nil, fmt.Errorf("osproc: the function %q has another type in the worker (%s): is it the same program, and is the name given once?", name, os.Args[0])
	}
	return f, nil
}
