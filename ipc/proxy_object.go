package ipc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
)

// Class is a type of the program's own of which a [Manager] can keep objects: O, made from an A.
// Register one with [RegisterClass].
type Class[O, A any] struct{ c *class }

// Object is a handle of an object that a [Manager] keeps. Open one with [Class.Open], and use it
// with the methods that were registered: [Method.Call].
type Object[O any] struct{ proxy }

// Method is a method of a class that can be called from other processes. Register one with
// [RegisterMethod].
type Method[O, A, B any] struct {
	class *class
	name  string
}

// A class is what the manager's process knows of a Class.
type class struct {
	name    string
	typ     reflect.Type
	make    func(ctx context.Context, arg blob) (any, error)
	mu      sync.RWMutex
	methods map[string]method
}

// A method calls a method: it decodes the argument and encodes the result.
type method func(ctx context.Context, object any, arg blob, native bool, answer *wire.Encoder) error

// classes are the classes that were registered, by name. It is a registry of the whole program.
var classes sync.Map

// RegisterClass registers a type of objects that managers can keep, and how one is made.
// Register it in a package variable, so that all processes of the program know it:
//
//	var counters = ipc.RegisterClass("counter", newCounter)
//	var add = ipc.RegisterMethod(counters, "Add", (*Counter).Add)
//
// The object lives in the manager's process. Its methods are called by several goroutines at
// the same time, as the calls come. If it has a Close method, as [io.Closer], that is called
// when the manager has no use for the object any more. RegisterClass panics if the name is taken.
func RegisterClass[O, A any](name string, make func(ctx context.Context, a A) (O, error)) *Class[O, A] {
	c := &class{name: name, typ: reflect.TypeFor[O](), methods: map[string]method{}}
	c.make = func(ctx context.Context, arg blob) (any, error) {
		a, err := decodeValue[A](arg)
		if err != nil {
			return nil, err
		}
		return make(ctx, a)
	}
	if _, taken := classes.LoadOrStore(name, c); taken {
		panic(fmt.Sprintf("ipc: RegisterClass(%q): there is a class of this name", name))
	}
	return &Class[O, A]{c}
}

// RegisterMethod registers a method of a class, such as the method expression (*Counter).Add.
// A method has one argument and one result besides the context and the error; use a struct for
// several, and struct{} for none. The context ends when the caller's does, and when the caller
// dies. RegisterMethod panics if the class has a method of this name.
func RegisterMethod[O, A, B, C any](c *Class[O, C], name string, f func(o O, ctx context.Context, a A) (B, error)) *Method[O, A, B] {
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	if c.c.methods[name] != nil {
		panic(fmt.Sprintf("ipc: RegisterMethod(%q): class %q has a method of this name", name, c.c.name))
	}
	c.c.methods[name] = func(ctx context.Context, object any, arg blob, native bool, answer *wire.Encoder) error {
		o, ok := object.(O)
		if !ok {
			return wire.ErrMalformed
		}
		a, err := decodeValue[A](arg)
		if err != nil {
			return err
		}
		b, err := f(o, ctx, a)
		if err != nil {
			return err
		}
		if err := encodeValue(answer, native, b); err != nil {
			return err
		}
		answer.Files, err = copyFiles(answer.Files)
		runtime.KeepAlive(&b)
		return err
	}
	return &Method[O, A, B]{c.c, name}
}

// RegisterError lets err keep its identity on its way between processes: through the methods of
// objects, and wherever else an error is sent. [errors.Is] finds err in what arrives. The name must
// be the same in both, which are the same program; declare it beside the error. It panics if the
// name or the error is registered differently. (It is osproc.RegisterError, for programs without
// that package.)
func RegisterError(name string, err error) { wire.RegisterError(name, err) }

// Open opens an object of the class in m: one that has the name, else a new one, which is made
// from a in the manager's process. See [Manager.Lock] for names. An error of the function that
// makes it is returned as by [Method.Call].
func (c *Class[O, A]) Open(ctx context.Context, m *Manager, name string, a A) (*Object[O], error) {
	p, err := openProxy[A](ctx, m, kindInstance, name, []byte(c.c.name), func(e *wire.Encoder) error {
		return encodeValue(e, m.r.link.program(), a)
	})
	if err != nil {
		return nil, err
	}
	return &Object[O]{p}, nil
}

// Call calls the method of o, wherever o is, and returns what it returns. An error that the
// method returns arrives with its text, and with the identity of those in it that are registered
// ([RegisterError]); a panic arrives as an error with its stack. When ctx ends, the method's
// context ends too, and Call returns at once with the cause, without waiting for the method.
func (f *Method[O, A, B]) Call(ctx context.Context, o *Object[O], a A) (b B, err error) {
	if err := o.usable(ctx); err != nil {
		return b, err
	}
	args := o.args()
	args.Text(f.class.name)
	args.Text(f.name)
	if err := encodeValue(args, o.native(), a); err != nil {
		return b, err
	}
	d, err := o.ask(ctx, opCall, args)
	runtime.KeepAlive(&a)
	if err != nil {
		return b, err
	}
	defer d.Close()
	answer, err := takeBlob(d)
	if err != nil {
		return b, err
	}
	return decodeValue[B](answer)
}

// An instanceObject is an object of a class.
type instanceObject struct {
	class  *class
	object any
}

// newInstance makes an object of the class called name. The broker is not locked meanwhile.
func newInstance(c *call, name string) (object, error) {
	if c.inline {
		return nil, errWouldBlock
	}
	k, ok := classes.Load(name)
	if !ok {
		return nil, fmt.Errorf("ipc: the manager's program has no class %q: call RegisterClass there too", name)
	}
	arg, err := c.keepBlob()
	if err != nil {
		return nil, err
	}
	o := &instanceObject{class: k.(*class)}
	made := func(ctx context.Context) (err error) {
		o.object, err = o.class.make(ctx, arg)
		return err
	}
	if err := c.unlocked(made, func() { o.remove() }); err != nil {
		return nil, err
	}
	return o, nil
}

// unlocked calls a function of the user's while the broker is not locked. If the call's context
// ends first it returns, and late is called when f has returned without an error.
func (c *call) unlocked(f func(ctx context.Context) error, late func()) error {
	done := make(chan error)
	gone := make(chan struct{})
	go func() {
		err := safely(func() error { return f(c.ctx) })
		select {
		case done <- err:
		case <-gone:
			if err == nil {
				late()
			}
		}
	}()
	c.b.mu.Unlock()
	defer c.b.mu.Lock()
	select {
	case err := <-done:
		return err
	case <-c.ctx.Done():
		close(gone)
		return context.Cause(c.ctx)
	case <-c.closed:
		close(gone)
		return ErrClosed
	}
}

// safely makes an error of a panic in f.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("ipc: panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

func (o *instanceObject) do(c *call) error {
	if c.op != opCall {
		return c.errOperation(kindInstance)
	}
	if c.inline {
		return errWouldBlock
	}
	name, err1 := c.args.Text()
	which, err2 := c.args.Text()
	arg, err3 := c.keepBlob()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	o.class.mu.RLock()
	f := o.class.methods[which]
	o.class.mu.RUnlock()
	if name != o.class.name || f == nil {
		return fmt.Errorf("ipc: the object is a %q, and has no method %s.%s: is the same program on the other side?", o.class.name, name, which)
	}
	native := c.s.conn == nil || c.s.conn.native
	answer := &wire.Encoder{Peer: c.answer.Peer}
	err := c.unlocked(
		func(ctx context.Context) error { return f(ctx, o.object, arg, native, answer) },
		func() { (&wire.Decoder{Files: answer.Files}).Close() },
	)
	if err == nil {
		c.answer = *answer
	}
	return err
}

func (o *instanceObject) leave(*session) {}

// remove closes the object, in its own time.
func (o *instanceObject) remove() {
	if closer, ok := o.object.(io.Closer); ok {
		go func() { _ = safely(closer.Close) }()
	}
}
