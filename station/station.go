package station

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// What zero values of the options stand for.
const (
	DefaultLimit = 1024      // of [Limit]
	DefaultKeep  = 16 * 1024 // of [Keep]
	DefaultGrace = 5 * time.Second
	DefaultIdle  = time.Minute // of Options.Idle
)

// A Station knows which addresses there are, where their mail lies and who
// handles it. Make one with [New], tell it of actors with [Handle], and let it
// serve with [Station.Run]. Mail can be sent before and after that. All methods
// may be called by any goroutine.
type Station struct {
	store mailbox.Store // of what has no other
	codec mailbox.Codec
	limit int
	keep  int
	grace time.Duration
	log   *slog.Logger

	mu    sync.Mutex // guards the making of tables, and the start of runs
	table atomic.Pointer[table]
	run   atomic.Pointer[run] // the one that serves, nil if none does
	desks askDesks
}

// An Option changes how a Station is made.
type Option func(*Station)

// Limit sets how many handlers of the whole station may be at work at once; the
// default is DefaultLimit. One that asks another address does not count while it
// waits for the answer.
func Limit(n int) Option { return func(s *Station) { s.limit = max(n, 1) } }

// Keep sets how many actors may be kept that have nothing to do; the default is
// DefaultKeep. When there are more, those that have been idle longest are retired
// before [Options.Idle] is over.
func Keep(n int) Option { return func(s *Station) { s.keep = max(n, 0) } }

// Grace sets how long handlers may take to return once they were told to end, by
// their time-out or because the station ends, before they are fenced and become
// zombies; see [troupe.Grace]. The default is DefaultGrace.
func Grace(d time.Duration) Option { return func(s *Station) { s.grace = max(d, 0) } }

// Encode sets the codec for bodies in stores that keep bytes; the default is
// [mailbox.JSON].
func Encode(c mailbox.Codec) Option { return func(s *Station) { s.codec = c } }

// Logger sets where the station reports what nobody else hears of; the default is
// the node's logger.
func Logger(l *slog.Logger) Option { return func(s *Station) { s.log = l } }

// New returns a station whose mail lies in store, unless a pattern has a store of
// its own. The store remains its maker's, to be closed when the station has ended.
func New(store mailbox.Store, opts ...Option) *Station {
	if store == nil {
		panic("station: New needs a store: mailbox.NewMemory() is one")
	}
	s := &Station{store: store, limit: DefaultLimit, keep: DefaultKeep, grace: DefaultGrace}
	s.table.Store(&table{})
	for _, o := range opts {
		o(s)
	}
	return s
}

// Run serves the station's addresses until the process is told to end. It is the
// body of a process, so that troupe.Run(ctx, shop.Run) is a program; see
// [Station.Body] for a child of a supervisor. It calls Self.Ready when mail can
// come. When it is told to end, handlers have their contexts cancelled and are
// waited for during [Grace]; mail that they did not handle waits for the next
// run. It returns what a store returned when it could not go on.
func (s *Station) Run(self *troupe.Self[Note]) error {
	r, err := s.begin(self)
	if err != nil {
		return err
	}
	return r.serve()
}

// A Note is what the process of a station tells itself. Nobody else has use for it.
type Note struct{ failed error }

// Body returns the station as a body that says when it is up, for a child of a
// supervisor.
func (s *Station) Body() troupe.Body { return troupe.Function(s.Run).AwaitReady() }

// Serve runs the station in a node of its own until ctx ends, for programs that
// have no other processes. It returns what [troupe.Run] returns.
func (s *Station) Serve(ctx context.Context) error { return troupe.Run(ctx, s.Run) }

// storeFor returns where the mail of a route lies; the route may be nil.
func (s *Station) storeFor(r *route) mailbox.Store {
	if r != nil && r.opts.Store != nil {
		return r.opts.Store
	}
	return s.store
}

func (s *Station) codecFor(r *route) mailbox.Codec {
	if r != nil && r.opts.Codec != nil {
		return r.opts.Codec
	}
	return s.codec
}
