package far

import (
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// Main is the number of the process for which a node behind a link was started: the
// first process of that node. Its stand-in is the process that started it.
const Main = 1

// A Signal is what can be told to a process besides messages.
type Signal uint8

// The signals.
const (
	Exit   Signal = iota // tell it to end with a reason
	Kill                 // end it at once
	Link                 // link it with the sender
	Unlink               // undo that
	Ready                // of Main: it is up
	Lost                 // something that the sender got from it could not be understood
)

// A Process is a process of this node, or a stand-in. Implementations are comparable:
// equal values are the same process.
type Process interface {
	// Number tells the processes of a node apart.
	Number() uint64
	// Describe returns what the other side prints, and the shape of the messages
	// that the process accepts.
	Describe() (label string, shape uint64)
	// Away returns where the process really is, and its number there, if it is not
	// here. The Peer is nil for one of this node's own.
	Away() (*Peer, uint64)
	Inbox
	Mortal
}

// An Inbox is where frames from the other side arrive. from may be nil. Neither
// method may block.
type Inbox interface {
	// Receive decodes a message and puts it into the mailbox.
	Receive(from Process, body *wire.Decoder, urgent bool) error
	// Signal does what another process asks for. Lost is told to the stand-in of the
	// one that could not understand, with the one that had sent as from.
	Signal(s Signal, from Process, reason error)
}

// Mortal is about the end of a process.
type Mortal interface {
	// Watch has the process call [Peer.Ended] at its end. If it has ended already,
	// Watch returns false and the reason.
	Watch(p *Peer) (alive bool, reason error)
	// Unwatch undoes Watch.
	Unwatch(p *Peer)
	// End ends a stand-in.
	End(reason error)
}

// A Node is the node that a Peer belongs to.
type Node interface {
	// StandIn makes a stand-in.
	StandIn(p *Peer, number uint64, label string, shape uint64) Process
	// Find, Register and Unregister are about the node's names. They may block.
	Find(name string) (Process, error)
	Register(name string, q Process) error
	Unregister(name string, q Process)
	// Report logs what nobody else hears of.
	Report(what string, err error)
}

// An Answer is a question whose answer comes from the other side. Answered decodes
// the answer, or takes the failure that came instead of it; body is nil then.
type Answer interface {
	Answered(body *wire.Decoder, failure error)
}

// Options are what a process that is started elsewhere takes with it from where it was
// spawned.
type Options struct {
	Path   string // in the tree of processes
	Bound  int    // of the mailbox; 0 is none
	Policy uint8  // when it is full
	Urgent bool   // it accepts urgent messages
	Traps  bool   // it traps exits
	Grace  time.Duration
	Shape  uint64 // of its messages
}

// ErrGone is what a Peer returns when the other side is gone.
var ErrGone = errors.New("troupe: the other node is gone")
