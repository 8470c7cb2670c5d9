package match

import (
	"time"

	"github.com/troupe-go/troupe"
)

// Serve is the body of a process, or the end of one: it takes each message out
// of the mailbox and gives it to the first clause that matches. It returns, and
// with it the process usually ends,
//
//   - what a handler returned, unless that is nil;
//   - an [*UnhandledError] for a message that no clause matches, unless there is
//     a [CatchAll];
//   - the reason that was given, when the process is told to end, or when an
//     exit signal that it traps goes to no [OnExit].
//
// Only the process's own body may call it. It is what every process of paragram
// does once its target has returned; see [Receiver.Serve] for clauses that come
// and go.
func Serve(self *troupe.Self[any], clauses ...Clause) error {
	return NewReceiver(clauses...).Serve(self)
}

// Serve serves the mailbox as the function [Serve] does, with the clauses that
// the receiver has at the time of each message. Only the process's own body may
// call it; the other methods may be called meanwhile, by any goroutine.
func (r *Receiver) Serve(self *troupe.Self[any]) error {
	for {
		var m troupe.Message[any]
		if d, limited := r.patience(); limited {
			m = self.Receive(troupe.After(d))
		} else {
			m = self.Receive()
		}
		if err, ended := r.handle(self, m); ended {
			return err
		}
	}
}

// Handle gives one message to the first clause that matches, and returns what
// [Serve] would have returned, or nil. It makes a Receiver a
// [troupe.Handler]: a process that needs no goroutine while it is idle.
//
//	ref := troupe.SpawnHandler(self, match.NewReceiver(clauses...))
func (r *Receiver) Handle(self *troupe.Self[any], m troupe.Message[any]) error {
	err, ended := r.handle(self, m)
	if ended && err == nil {
		return troupe.Stop
	}
	return err
}

// handle reports whether the process is to end, and why.
func (r *Receiver) handle(self *troupe.Self[any], m troupe.Message[any]) (reason error, ended bool) {
	t := r.table()
	switch m.Event {
	case troupe.Sent:
		handled, err := t.match(m.Body)
		if !handled {
			return t.unhandled(m.Body), true
		}
		return err, err != nil
	case troupe.Exit:
		return t.exit(self, m)
	case troupe.Down:
		return t.hear(onDown, m)
	case troupe.NodeDown:
		return t.hear(onNodeDown, m)
	case troupe.Timeout:
		return t.hear(onTimeout, m)
	}
	return nil, false
}

// exit tells an order to end, which no clause hears, from news of an end.
func (t *table) exit(self *troupe.Self[any], m troupe.Message[any]) (reason error, ended bool) {
	told := m.From == self.PID()
	order := m.From == (troupe.PID{}) || m.From == self.Parent()
	if told || (!troupe.IsNormal(m.Reason) && (order || t.only[onExit] == nil)) {
		return m.Reason, true
	}
	return t.hear(onExit, m)
}

// hear gives an event to the clause for it, if there is one.
func (t *table) hear(k kind, m troupe.Message[any]) (reason error, ended bool) {
	c := t.only[k]
	if c == nil {
		return nil, false
	}
	err := c.hear(m.From, m.Reason)
	return err, err != nil
}

// patience returns the time after which OnTimeout is to be called.
func (r *Receiver) patience() (d time.Duration, limited bool) {
	c := r.table().only[onTimeout]
	if c == nil {
		return 0, false
	}
	return c.after, true
}

// OnDown returns the clause for the end of a process that this one monitors:
// which one, and its reason, nil being a normal end. Without such a clause the
// event is passed over. Of several clauses for one event the first that was
// added counts.
//
// OnDown and its kin panic if handle is nil. Semantics: the 'DOWN' message of
// Erlang. paragram has links only.
func OnDown(handle func(from troupe.PID, reason error) error) Clause {
	return onNews(onDown, "OnDown", handle)
}

// OnExit returns the clause for exit signals that the process traps: who sent
// it, usually a process that was linked and has ended, and the reason, nil being
// a normal end. The process must trap exits, with [troupe.TrapExits] or
// TrapExit; else an abnormal exit ends it and none reaches a clause.
//
// Without such a clause a trapped exit does what it would have done untrapped: a
// normal one is passed over, any other ends the process with the same reason.
//
// No clause hears an abnormal exit signal that the parent sends, by Shutdown for
// one, or that comes from no process, as when the node ends: it is an order to
// end, as for OTP's gen_server. When the parent has died, and the link to it
// broke, the clause does hear.
//
// It is paragram's clause on Exit and Process, with which a process there
// survives the end of those linked to it.
func OnExit(handle func(from troupe.PID, reason error) error) Clause {
	return onNews(onExit, "OnExit", handle)
}

// OnNodeDown returns the clause for the loss of a node of the cluster. Without
// such a clause the event is passed over. For all else see [OnDown].
func OnNodeDown(handle func(from troupe.PID, reason error) error) Clause {
	return onNews(onNodeDown, "OnNodeDown", handle)
}

// OnTimeout returns the clause for a silence: [Serve] calls its handler whenever
// nothing came for d, again and again. Every message, also one that is passed
// over, starts the time anew. A d of zero or less calls it whenever the mailbox
// is empty. A clause added while Serve waits counts from the next message on.
//
// A process in handler style does not wait and knows no timeouts; let it use
// [troupe.Ref.SendAfter]. For all else see [OnDown]. Semantics: Erlang's after.
func OnTimeout(d time.Duration, handle func() error) Clause {
	mustHandle("OnTimeout", handle == nil)
	return Clause{kind: onTimeout, after: d, text: "timeout after " + d.String(),
		hear: func(any, error) error { return handle() }}
}

func onNews(k kind, function string, handle func(from troupe.PID, reason error) error) Clause {
	mustHandle(function, handle == nil)
	return Clause{kind: k, text: function, hear: func(from any, reason error) error {
		return handle(from.(troupe.PID), reason)
	}}
}
