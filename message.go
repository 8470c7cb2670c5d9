package troupe

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Event tells what a [Message] is.
type Event uint8

const (
	// Sent is a body that somebody sent. It is the zero Event.
	Sent Event = iota
	// Down tells that a monitored process has ended; From names it, Reason
	// tells why. A monitor yields exactly one.
	Down
	// Exit tells a process that traps exits that a link broke or that somebody
	// told it to end; From names who, Reason tells why. A process that does not
	// trap exits sees it only from Receive, with its own PID in From, when it
	// has been told to end.
	Exit
	// Timeout tells that nothing came within the time given with [After].
	Timeout
	// NodeDown tells that a node of the cluster cannot be reached any more.
	NodeDown
)

// String returns the event's name.
func (e Event) String() string {
	switch e {
	case Sent:
		return "sent"
	case Down:
		return "down"
	case Exit:
		return "exit"
	case Timeout:
		return "timeout"
	case NodeDown:
		return "node down"
	}
	return fmt.Sprintf("event %d", uint8(e))
}

// Message is what a process receives. Body is set for the event [Sent] alone,
// Reason for Down and Exit.
type Message[M any] struct {
	From  PID   // who sent it, or whom it is about; the zero PID if no process did
	Event Event // what it is
	// Redelivered says that the message comes from a [Box] and that an earlier
	// process may have handled it.
	Redelivered bool
	Body        M     // what was sent
	Reason      error // why a process ended; nil is a normal end
}

// Reply sends body to the sender of m. The sender's mailbox must be of the same
// type M; for an answer of another type see [Call]. It returns ErrNoProc if m
// was not sent by a process or its sender has ended, ErrWrongType if the sender
// accepts another type, and whatever [Ref.Send] returns.
func (m Message[M]) Reply(ctx context.Context, body M) error {
	to, err := RefOf[M](m.From)
	if err != nil {
		return err
	}
	return to.Send(ctx, body)
}

// String returns a line for a human reader: `"pong" from <pingPong.2>`, or
// `<pingPong.2> is down: killed`.
func (m Message[M]) String() string {
	switch m.Event {
	case Sent:
		if s, ok := any(m.Body).(string); ok {
			return fmt.Sprintf("%q from %v", s, m.From)
		}
		return fmt.Sprintf("%+v from %v", m.Body, m.From)
	case Down:
		return fmt.Sprintf("%v is down: %s", m.From, reasonText(m.Reason))
	case Exit:
		return fmt.Sprintf("exit from %v: %s", m.From, reasonText(m.Reason))
	}
	return m.Event.String()
}

// A signal is what a mailbox carries beside bodies.
type signal struct {
	from      PID
	event     Event
	reason    error
	broken    PID         // for the Exit of a link: how this end had addressed the other
	withdrawn atomic.Bool // by Monitor.Cancel or Unlink, while it lay in the mailbox
	parcel    *parcel     // the body is a kept message
}

// An envelope is a message or a signal on its way. A nil signal means an ordinary
// body; to keep the common envelope at two words and a body, the sender is a bare
// pointer and everything rarer lies behind sig.
type envelope[M any] struct {
	from *process
	sig  *signal
	body M
}

// removed marks an envelope that a selective receive has taken out of the
// middle of a mailbox.
var removed = &signal{}

// open turns an envelope into the message that a process sees.
func (e *envelope[M]) open() Message[M] {
	if e.sig != nil {
		if p := e.sig.parcel; p != nil {
			return Message[M]{Body: e.body, Redelivered: p.redelivered}
		}
		return Message[M]{From: e.sig.from, Event: e.sig.event, Reason: e.sig.reason}
	}
	return Message[M]{From: PID{proc: e.from}, Body: e.body}
}

// gone reports that nobody is to see e any more.
func (e *envelope[M]) gone() bool {
	return e.sig != nil && (e.sig == removed || e.sig.withdrawn.Load())
}
