package mailbox

import (
	"context"
	"time"
)

// A Store keeps the mail of many addresses. All its methods may be called by any
// goroutine. After Close they return ErrClosed.
type Store interface {
	// Put puts mail where it belongs and returns when all of it is safe. Mail
	// of one call keeps its order. Mail whose ID was put to the same address
	// before, within the time that the store remembers, is taken for done.
	//
	// It returns ErrFull when an address has as much mail as Mail.Limit allows
	// and is not to wait, ErrTooLarge for mail beyond the store's limit,
	// ErrAddress for what cannot be an address, and the cause of ctx's end.
	// After an error, any part of the mail may have been put or not: put it
	// again, with IDs if it must not come twice.
	Put(ctx context.Context, mail ...Mail) error

	// Serve begins a session. When ctx ends the session ends as by Close.
	Serve(ctx context.Context, s Serving) (Session, error)

	// Addresses returns what people need to know and change about addresses.
	Addresses() Addresses

	// DeadLetters returns the mail that will not be handled.
	DeadLetters() DeadLetters

	// Close ends all sessions, makes safe what they have settled and lets go
	// of the store. Mail stays. A second Close does nothing.
	Close() error
}

// Serving says how a session serves. The zero Serving takes all addresses.
type Serving struct {
	// Accept reports whether the session serves the address; nil is always.
	// It must not block, and must be the same in all programs that serve the
	// same store: a store may give many addresses to a program at once.
	Accept func(address string) bool

	// Window is the most mail of one address that is fetched and not settled.
	// Zero is DefaultWindow. A store may hold to less.
	Window int
}

// DefaultWindow is the Window of a zero Serving.
const DefaultWindow = 64

// A Session owns addresses and hands out their mail. Its methods may be called by
// any goroutine.
type Session interface {
	// Next waits until an address that the session accepts has mail that can
	// be fetched now, is not stopped, and belongs to nobody; it belongs to
	// the session from then on. Addresses come in the order in which they
	// began to wait, or nearly. It returns ErrClosed when the session has
	// ended and the cause of ctx's end.
	Next(ctx context.Context) (Box, error)

	// Flush returns when everything that was settled or released before is
	// safe. It returns ErrLost if some of it came too late because an address
	// has got another owner: that mail may be delivered again.
	Flush(ctx context.Context) error

	// Close flushes and gives back all addresses. Deliveries that are not
	// settled go back as by Untouched. A second Close does nothing.
	Close() error
}

// A Box is the mail of one address, for its owner. Settle may be called by any
// goroutine, the others by one at a time. None of its methods waits.
type Box interface {
	// Address returns whose mail it is.
	Address() string

	// Fetch writes deliveries to into, in order, and returns how many. If
	// there is nothing to fetch now, it returns 0, and calls wake once as
	// soon as another Fetch is worth while; wake must not block, and may be
	// called before Fetch has returned. Each Fetch that returns 0 replaces
	// the wake of the one before. It may be nil if nobody waits.
	//
	// Mail that may have been delivered before comes alone: it is the only
	// one that Fetch returns, and nothing else comes until it is settled.
	//
	// It returns ErrStopped when the address was stopped: the owner settles
	// what it has and releases the box. It returns ErrLost when another
	// session owns the address, or the session has ended.
	Fetch(into []Delivery, wake func()) (int, error)

	// Settle says what becomes of deliveries. It does not keep outcomes. They
	// are safe some milliseconds later; see Session.Flush. A key that was
	// settled before is passed over. It returns ErrLost as Fetch does;
	// nothing has then been changed.
	Settle(outcomes []Outcome) error

	// Lost returns a channel that is closed when the address does not belong
	// to the session any more, though it was not released. It may be nil if
	// that cannot happen.
	Lost() <-chan struct{}

	// Release gives the address back. Deliveries that are not settled go
	// back as by Untouched. Next does not return the address before later
	// has passed, whatever mail comes; another session may.
	Release(later time.Duration) error
}

// Addresses is what people need to know and change about the addresses of a
// store. Its methods may be called by any goroutine.
type Addresses interface {
	// Stop stops an address: mail still comes to it and waits, nobody fetches
	// it. It is safe when Stop returns, and lasts until Start, also when all
	// programs end. Sessions of this Store fetch nothing from then on; those
	// of other programs, as soon as they hear of it. Stopping twice does nothing.
	Stop(ctx context.Context, address string) error

	// Start lets the mail of a stopped address be fetched again. If it rests
	// because its box was released for later, that ends too: sessions of a
	// store that belongs to one program get it at once. Otherwise starting
	// what was not stopped does nothing.
	Start(ctx context.Context, address string) error

	// Status returns what is known of one address. One that was never used has
	// an empty Status.
	Status(ctx context.Context, address string) (Status, error)

	// List returns the Status of addresses that have mail, dead letters apart,
	// or are stopped, in the order of their bytes.
	List(ctx context.Context, q Query) ([]Status, error)

	// Totals adds everything up.
	Totals(ctx context.Context) (Totals, error)
}

// DeadLetters is the mail of a store that will not be handled, and why. Its
// methods may be called by any goroutine.
type DeadLetters interface {
	// List returns dead letters, oldest first. Query.After is the Key of the
	// last one seen.
	List(ctx context.Context, q Query) ([]DeadLetter, error)

	// Replay puts dead letters to their addresses again, behind the mail that
	// waits there, as if they had never been delivered. It returns how many
	// of the keys there were.
	Replay(ctx context.Context, keys ...string) (int, error)

	// Purge forgets dead letters for good. It returns how many of the keys
	// there were.
	Purge(ctx context.Context, keys ...string) (int, error)
}

// A Query says what List returns. The zero Query asks for the first hundred or so.
type Query struct {
	Prefix string // only addresses that are Prefix or lie below it; "" and "/" are all
	After  string // begin behind this one, for lists longer than Limit
	Limit  int    // at most so many; zero is DefaultLimit
}

// DefaultLimit is the Limit of a zero Query.
const DefaultLimit = 100

// Status is what is known of one address. Numbers from a store that other
// programs use may be a moment old.
type Status struct {
	Address string
	Waiting int       // mail that is not settled, fetched or not, delayed or not
	Delayed int       // those of them that are not due
	Oldest  time.Time // when the oldest of the mail that is due was put; zero if there is none
	Stopped bool      // by a person
}

// Totals are sums over all addresses of a store.
type Totals struct {
	Addresses   int // those with mail
	Waiting     int
	Delayed     int
	Stopped     int // addresses
	DeadLetters int
}
