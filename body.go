package troupe

import (
	"context"
	"reflect"
	"slices"
)

// A Handler is the body of a process that is called for each message and holds
// no goroutine while it is idle. Handle is called for one message at a time. It
// may block, in a question or in a database; other handler processes go on. The
// error it returns, unless nil, ends the process and is its reason; [Stop] ends
// it normally. A panic ends it with a *PanicError.
type Handler[M any] interface {
	Handle(self *Self[M], m Message[M]) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc[M any] func(self *Self[M], m Message[M]) error

// Handle calls f.
func (f HandlerFunc[M]) Handle(self *Self[M], m Message[M]) error { return f(self, m) }

// An Initializer is a Handler that wants to be called before the first message.
// An error from Init ends the process. The process counts as ready (see
// [OnReady]) when Init has returned nil.
type Initializer[M any] interface {
	Init(self *Self[M]) error
}

// A Terminator is a Handler that wants to be called when the process ends for
// any reason but a kill. What it sends still arrives before the news of the end.
type Terminator[M any] interface {
	Terminate(self *Self[M], reason error)
}

// A Body is a process body whose message type has been put aside, so that bodies
// of different types can stand in one list, such as the children of a
// supervisor. Make one with [Function], [Handling] or [Service].
type Body struct {
	spawn func(ctx context.Context, opts []SpawnOption) PID
	ready bool
}

// Function returns a function that runs as a process as a Body.
func Function[M any](body func(*Self[M]) error) Body {
	return Body{spawn: func(ctx context.Context, opts []SpawnOption) PID {
		return Spawn(ctx, body, opts...).PID()
	}}
}

// Handling returns a Body whose every start makes a new Handler.
func Handling[M any](handler func() Handler[M]) Body {
	return Body{ready: true, spawn: func(ctx context.Context, opts []SpawnOption) PID {
		return SpawnHandler(ctx, handler(), opts...).PID()
	}}
}

// Service returns any function of a context as a Body. The context is the
// process's own: it is cancelled when the process is told to end.
func Service(f func(context.Context) error) Body {
	kind := funcLabel(reflect.ValueOf(f).Pointer())
	return Body{spawn: func(ctx context.Context, opts []SpawnOption) PID {
		s := &Self[None]{fn: func(self *Self[None]) error { return f(self) }}
		s.more().kind = kind
		return spawn(ctx, s, configure(opts)).PID()
	}}
}

// AwaitReady returns the Body as one that calls [Self.Ready] when it is up: a
// supervisor waits for the call before it starts the next child.
func (b Body) AwaitReady() Body {
	b.ready = true
	return b
}

// With returns the Body with options that every spawn of it begins with.
func (b Body) With(opts ...SpawnOption) Body {
	spawn := b.spawn
	b.spawn = func(ctx context.Context, more []SpawnOption) PID {
		return spawn(ctx, slices.Concat(opts, more))
	}
	return b
}

// CallsReady reports whether a process of this Body says when it is up: those
// made with AwaitReady and all handlers do.
func (b Body) CallsReady() bool { return b.ready }

// IsZero reports whether the Body is the zero value, which cannot be spawned.
func (b Body) IsZero() bool { return b.spawn == nil }

// Spawn starts the body as a process; see [Spawn]. It panics for the zero Body.
func (b Body) Spawn(ctx context.Context, opts ...SpawnOption) PID {
	if b.spawn == nil {
		panic("troupe: Spawn of the zero Body: make one with Function, Handling or Service")
	}
	return b.spawn(ctx, opts)
}
