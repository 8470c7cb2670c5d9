package isolate

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/internal/far"
	"github.com/troupe-go/troupe/internal/wire"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/internal/child"
)

// kinds are the registered kinds by name. It is a registry of the whole program.
var kinds struct {
	sync.Mutex
	byName map[string]kind
}

// A kind is a Kind without its types, as a child sees it.
type kind interface {
	shapes() (message, argument uint64)
	serve(w *child.Worker, o far.Options)
}

// A Kind is a body that can run in an OS process of its own, with M as the type of its
// messages and A as that of its argument. Make one with [Register] or [RegisterHandler];
// it may be used concurrently.
type Kind[M, A any] struct {
	name   string
	body   func(*troupe.Self[M], A) error
	config osproc.Config
}

// Register makes a body known under a name. It belongs in the declaration of a package
// variable, since a child must know the name before it calls osproc.Main. It panics if
// the name is taken. What cannot travel, in M or in A, is the reason with which the
// first process of the kind ends.
func Register[M, A any](name string, body func(self *troupe.Self[M], a A) error) *Kind[M, A] {
	k := &Kind[M, A]{name: name, body: body}
	prepare()
	kinds.Lock()
	defer kinds.Unlock()
	if _, taken := kinds.byName[name]; taken {
		panic(fmt.Sprintf("isolate: Register: the name %q is taken; choose another one", name))
	}
	if kinds.byName == nil {
		kinds.byName = make(map[string]kind)
	}
	kinds.byName[name] = k
	return k
}

// KindOf returns the kind that is, or will be, registered under a name. It is for a body
// that spawns processes of its own kind, and could not mention the variable that it is
// declared in. If there is none with these types, the process ends with an error.
func KindOf[M, A any](name string) *Kind[M, A] { return &Kind[M, A]{name: name} }

// RegisterHandler is Register for a body in handler style: handler makes a new Handler
// for each process. An Initializer and a Terminator are called as the module root calls
// them.
func RegisterHandler[M, A any](name string, handler func(a A) troupe.Handler[M]) *Kind[M, A] {
	return Register(name, func(self *troupe.Self[M], a A) error { return handle(self, handler(a)) })
}

// RegisterType makes values of type T, and of *T, able to travel inside interfaces,
// under a name. The basic types are known. It panics if the name is taken by another
// type.
func RegisterType[T any](name string) { wire.Register[T](name) }

// Name returns the name that the kind was registered with.
func (k *Kind[M, A]) Name() string { return k.name }

// With returns the kind with a configuration for the OS processes: environment, output,
// limits and so on. Two fields work differently from elsewhere: how long a process may
// take to end is told with troupe.Grace, and signals from the terminal go to the parent
// alone.
func (k *Kind[M, A]) With(cfg osproc.Config) *Kind[M, A] {
	return &Kind[M, A]{name: k.name, body: k.body, config: cfg}
}

// Body returns a body that runs kind k with argument a in an OS process of its own. It is
// a body like any other: for troupe.Spawn and its sisters, with all their options, for
// troupe.Function and for troupe.Run. Each process that is spawned with it is a new OS
// process.
func Body[M, A any](k *Kind[M, A], a A) func(self *troupe.Self[M]) error {
	return func(self *troupe.Self[M]) error {
		codec, err := wire.For[A]()
		if err == nil {
			_, err = wire.For[M]()
		}
		if err != nil {
			return fmt.Errorf("isolate: %q cannot be started: %w", k.name, err)
		}
		h := newHost(self.PID(), k.name, k.config)
		o, err := self.Delegate(h.peer, k.name)
		if err != nil {
			return err
		}
		e := h.peer.Start()
		if err := codec.Encode(e, a); err != nil {
			wire.Drop(e)
			return h.fail(fmt.Errorf("isolate: the argument of %q cannot travel: %w", k.name, err))
		}
		if err := h.peer.PostStart(e); err != nil {
			return h.fail(fmt.Errorf("isolate: the argument of %q cannot travel: %w", k.name, err))
		}
		_, argument := k.shapes()
		return h.run(job{k.name, o, argument})
	}
}

// Spawn starts a process of kind k; see [troupe.Spawn].
func Spawn[M, A any](ctx context.Context, k *Kind[M, A], a A, opts ...troupe.SpawnOption) troupe.Ref[M] {
	return troupe.Spawn(ctx, Body(k, a), opts...)
}

// Child returns a body for lists of bodies, such as the children of a supervisor.
func Child[M, A any](k *Kind[M, A], a A) troupe.Body { return troupe.Function(Body(k, a)) }

func (k *Kind[M, A]) shapes() (message, argument uint64) {
	return wire.Shape[M](), wire.Shape[A]()
}

// A job is what a child must know before its node can start. What may mention processes
// comes later, as the first frame between the nodes.
type job struct {
	Kind     string
	Options  far.Options
	Argument uint64 // its shape
}

const role = "isolate"

// prepare makes known what a child can be, once.
var prepare = sync.OnceFunc(func() { child.Role(role, serve) })

// serve is a child's life.
func serve(w *child.Worker, body *wire.Decoder) {
	j, err := decode[job](body)
	if err != nil {
		w.Refuse(err)
	}
	kinds.Lock()
	k := kinds.byName[j.Kind]
	kinds.Unlock()
	if k == nil {
		w.Refuse(fmt.Errorf("isolate: nothing is registered as %q in the child (%s); call Register in the declaration of a package variable, so that it comes before osproc.Main", j.Kind, os.Args[0]))
	}
	if m, a := k.shapes(); m != j.Options.Shape || a != j.Argument {
		w.Refuse(fmt.Errorf("isolate: %q has other types in the child (%s); is it the same program, and is the name given once?", j.Kind, os.Args[0]))
	}
	k.serve(w, j.Options)
}

func decode[T any](d *wire.Decoder) (v T, err error) {
	codec, err := wire.For[T]()
	if err != nil {
		return v, err
	}
	return codec.Decode(d)
}

// serve runs the node of a child, whose root is the process.
func (k *Kind[M, A]) serve(w *child.Worker, o far.Options) {
	type argument struct {
		a   A
		err error
	}
	peer := far.New(nil)
	begun := make(chan argument, 1)
	peer.Begun = func(d *wire.Decoder) {
		a, err := decode[A](d)
		begun <- argument{a, err}
	}
	w.Ready()
	peer.Attach(w.Link)
	_ = troupe.Run(w.Context(), func(self *troupe.Self[M]) error {
		go func() {
			_ = peer.Serve()
			w.Orphaned()
		}()
		select {
		case b := <-begun:
			if b.err != nil {
				return fmt.Errorf("isolate: the argument of %q cannot be decoded: %w", k.name, b.err)
			}
			return k.body(self, b.a)
		case <-self.Done():
			return context.Cause(self)
		}
	}, troupe.Delegated(peer, o))
}
