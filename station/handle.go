package station

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// An Actor handles the mail of one address. It is made when there is mail and
// thrown away when there has been none for a while.
type Actor[T any] interface {
	// Handle is called for each mail; for one at a time, unless
	// [Options.Parallel] allows more. The mail is acknowledged when it has
	// returned nil, and only then. An error means that the mail comes again;
	// see [Retry] and [Reject]. An error that wraps [troupe.Stop] means that it
	// was handled, and that the actor wants to be retired. After a panic it
	// comes again to a new actor.
	//
	// ctx is a process's own (see [troupe.Self]) and is cancelled when the
	// handler is to return. Mail that is sent with it carries the address as
	// its sender, and the flow.
	Handle(ctx context.Context, m Mail[T]) error
}

// ActorFunc is a function as an Actor without a state.
type ActorFunc[T any] func(ctx context.Context, m Mail[T]) error

// Handle calls f.
func (f ActorFunc[T]) Handle(ctx context.Context, m Mail[T]) error { return f(ctx, m) }

// A Starter is an Actor that wants to be called before its first mail. After an
// error it is thrown away, and another is made later; see [Options.GateWait].
type Starter interface {
	Start(ctx context.Context) error
}

// A Retirer is an Actor that wants to be called when it is not needed any more:
// its address has been idle or was stopped, or the station ends. It is not called
// after a panic or for one that was fenced.
type Retirer interface {
	Retire()
}

// Options says how the addresses of one pattern are served. The zero Options is
// useful.
type Options struct {
	// Store is where the mail lies. Nil is the station's.
	Store mailbox.Store

	// Codec is how bodies are written in a store that keeps bytes. Nil is the
	// station's.
	Codec mailbox.Codec

	// Idle is how long an actor without mail is kept. Zero is DefaultIdle;
	// below zero it is retired at once.
	Idle time.Duration

	// Parallel is how much mail of one address is handled at once. Zero is 1,
	// and then mail is handled in the order in which it was sent.
	Parallel int

	// Gate decides whether an actor may start now. If not, mail waits, and
	// the gate is asked again after GateWait, or before by [Station.Start].
	// Nil lets all start.
	Gate func(address string) bool

	// GateWait is how long an address waits whose gate was closed, or whose
	// actor could not be made. Zero is a second.
	GateWait time.Duration

	// Timeout is how long Handle may take. Its context is then cancelled, and
	// the mail has failed with ErrTimeout. If Handle does not return within
	// the station's [Grace] either, it is fenced: it is a zombie (see
	// [troupe.Node.Zombies]), what it sends is discarded, and the address goes
	// on with another actor. Zero is no limit.
	Timeout time.Duration

	// Retry says how mail that failed comes again.
	Retry Retry

	// Done is called when a mail's handler has returned, with its error, and
	// for mail that came to no handler because it had expired or could not be
	// read. Calls for one address come one after the other, unless Parallel
	// allows more.
	Done func(address string, err error)

	// Capacity is how much mail may wait at one address; zero is any number.
	// What is handled at the moment does not count.
	Capacity int

	// Full is what sending to an address does that has as much mail as
	// Capacity: let the sender wait, refuse, or drop. Mail that is dropped is
	// a dead letter.
	Full troupe.Overflow

	// HighWater says when a box is so full that people should know.
	HighWater HighWater

	// Atomic makes acknowledging a mail, the state that the handler [Save]s
	// and the mail that it sends one step, in stores that can (see
	// [mailbox.Ledger]): after a crash all of it has happened, or nothing. Mail
	// that the handler sends is then held back until it has returned nil.
	Atomic bool
}

// Handle tells a station that addresses which match the pattern are served by
// actors that newActor makes. It must be called before the station runs.
//
// Patterns are those of net/http: "/cart/{id}" matches "/cart/42" but neither
// "/cart" nor "/cart/42/item", "/files/{path...}" matches everything below
// "/files". Of several patterns that match an address the most specific counts.
// As in net/http, Handle panics for a pattern that is none, and for one that
// conflicts with another: that both match some address, and none is more specific.
// It also panics when the station runs.
func Handle[T any](s *Station, pattern string, newActor func(address string) (Actor[T], error), o Options) {
	s.register(pattern, &bindingOf[T]{newActor: newActor, codec: o.Codec}, o)
}

// HandleFunc is Handle for actors that are a function.
func HandleFunc[T any](s *Station, pattern string, f func(ctx context.Context, m Mail[T]) error, o Options) {
	s.register(pattern, &bindingOf[T]{newActor: func(string) (Actor[T], error) { return ActorFunc[T](f), nil }, codec: o.Codec}, o)
}

// Elsewhere tells a station that addresses which match the pattern are served by
// other programs. Of the options those about sending count: Store, Codec,
// Capacity and Full. It panics when Handle does.
func Elsewhere(s *Station, pattern string, o Options) { s.register(pattern, nil, o) }

// A route is a pattern and what was said about it.
type route struct {
	pattern *pattern
	where   string // the source line that registered it
	opts    Options
	bind    binding // nil if it is served elsewhere
	values  bool    // its store keeps values
}

// A binding knows the type of a route's mail.
type binding interface {
	start(address string) (worker, error)
	accepts(body any) bool
	kind() reflect.Type
}

// A worker is an actor whose type has been put aside.
type worker interface {
	handle(c *mailContext, d *delivery, q *question) error
	actor() any
}

func (s *Station) register(text string, b binding, o Options) {
	_, file, line, _ := runtime.Caller(2)
	r := &route{opts: o, bind: b, where: fmt.Sprintf("%s:%d", filepath.Base(file), line)}
	var err error
	if r.pattern, err = parsePattern(text); err != nil {
		panic(fmt.Sprintf("station: the pattern %q: %v", text, err))
	}
	if strings.HasPrefix(text, "/~") {
		panic(fmt.Sprintf("station: the pattern %q: addresses that begin with /~ are the station's own", text))
	}
	s.complete(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run.Load() != nil {
		panic(fmt.Sprintf("station: the pattern %q comes too late: the station runs", text))
	}
	next, err := s.table.Load().with(r)
	if err != nil {
		panic("station: " + err.Error())
	}
	s.table.Store(next)
}

// complete puts in what the options leave out.
func (s *Station) complete(r *route) {
	o := &r.opts
	_, r.values = s.storeFor(r).(mailbox.ValueStore)
	o.Parallel = max(o.Parallel, 1)
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.GateWait <= 0 {
		o.GateWait = time.Second
	}
	if o.Codec == nil {
		o.Codec = s.codec
	}
	o.Retry.complete()
	if o.HighWater.Hook != nil && o.HighWater.Every <= 0 {
		o.HighWater.Every = DefaultWatch
	}
}

type bindingOf[T any] struct {
	newActor func(address string) (Actor[T], error)
	codec    mailbox.Codec
}

func (b *bindingOf[T]) start(address string) (worker, error) {
	a, err := b.newActor(address)
	if err != nil {
		return nil, err
	}
	return &workerOf[T]{a}, nil
}

func (b *bindingOf[T]) accepts(body any) bool {
	_, ok := body.(T)
	return ok || body == nil && b.kind().Kind() == reflect.Interface
}

func (b *bindingOf[T]) kind() reflect.Type { return reflect.TypeFor[T]() }

type workerOf[T any] struct{ a Actor[T] }

func (w *workerOf[T]) actor() any { return w.a }

// handle reads the delivery and lets the actor handle it.
func (w *workerOf[T]) handle(c *mailContext, d *delivery, q *question) error {
	body, err := bodyOf[T](c.r.route, d)
	if err != nil {
		return &unreadable{err}
	}
	m := Mail[T]{Body: body, Address: c.r.address, Count: int(d.Count), Put: time.Unix(0, d.Put), pattern: c.r.route.pattern, asked: q}
	if rest := d.Rest; rest != nil {
		m.From, m.ID, m.Flow, m.Hop, m.Priority = rest.From, rest.ID, rest.Flow, rest.Hop, rest.Priority
	}
	return w.a.Handle(c, m)
}

func bodyOf[T any](r *route, d *delivery) (T, error) {
	if !r.values {
		return mailbox.Decode[T](r.opts.Codec, d.Rest.Encoding, d.Rest.Body)
	}
	body, ok := d.Value.(T)
	if !ok && d.Value != nil {
		return body, fmt.Errorf("station: the mail is a %T, and not a %v", d.Value, reflect.TypeFor[T]())
	}
	return body, nil
}

// unreadable is the error of mail whose body is not what its actor takes.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }
