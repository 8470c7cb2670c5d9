package mailbox

import (
	"time"

	"github.com/troupe-go/troupe"
)

// Mail is a message to an address. Address is all that it needs; a store keeps
// everything but Limit and Full.
type Mail struct {
	Address  string    // whom it is for
	ID       string    // names it: the same ID at the same address is taken for the same mail; "" for none
	Priority Priority  // mail of a higher one goes first
	Due      time.Time // it is not delivered before; zero is at once
	Expires  time.Time // it is of no use after that; for the reader, the store takes no notice; zero is never

	From    string // where it comes from, usually an address
	Flow    string // names the piece of work that it is a step of
	Hop     int    // how many steps that work had before
	ReplyTo string // where an answer goes; see Answers

	Encoding string // how Body is to be read
	Body     []byte // what it says
	Value    any    // what it says, in a store that keeps values instead of bytes; see ValueStore

	Limit int             // Put looks that no more than so much mail waits at the address; 0 is any number
	Full  troupe.Overflow // what Put does if more would; see Store.Put
}

// Priority tells which mail goes first.
type Priority int8

const (
	Low    Priority = -1
	Normal Priority = 0 // the zero Priority
	High   Priority = 1
)

// A Delivery is mail that an owner has fetched and has to settle.
type Delivery struct {
	Mail
	Key   uint64    // names the delivery to its box
	Count int       // how many times the mail may have been delivered, this time included
	Put   time.Time // when it was put; of a replayed dead letter, when it was replayed
}

// Redelivered reports whether somebody may have handled the mail before.
func (d *Delivery) Redelivered() bool { return d.Count > 1 }

// An Outcome says what becomes of a delivery. The zero Verdict is Handled.
type Outcome struct {
	Key     uint64    // the delivery's
	Verdict Verdict   // what becomes of it
	At      time.Time // for Retry and Aside: not before; zero is at once
	Reason  string    // for Dead: why
}

// A Verdict is what becomes of a delivery.
type Verdict uint8

const (
	// Handled: the store may forget it. It is the zero Verdict.
	Handled Verdict = iota
	// Retry delivers it again in its place. Mail behind it, of its priority or
	// a lower one, waits. Outcome.At is kept as long as the owner is the same;
	// the next one may get it earlier.
	Retry
	// Aside delivers it again as if it were put anew at Outcome.At, with its
	// Count: what was behind it goes on.
	Aside
	// Dead makes it a dead letter.
	Dead
	// Untouched puts it back in its place as if it had not been delivered.
	Untouched
)

// A DeadLetter is mail that will not be handled.
type DeadLetter struct {
	Mail
	Key    string    // names it to the store
	Reason string    // why it will not be handled
	Count  int       // how many times it was delivered
	Put    time.Time // when it was put
	Died   time.Time // when it was given up
}
