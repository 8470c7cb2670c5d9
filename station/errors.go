package station

import (
	"errors"
	"fmt"

	"github.com/troupe-go/troupe"
)

// Errors that this package returns. Test for them with [errors.Is]. What a store
// returns comes as it is; see package mailbox.
var (
	// ErrNoPattern says that a station which has patterns was given mail for an
	// address that matches none of them. Declare those that other programs
	// serve with [Elsewhere].
	ErrNoPattern = errors.New("station: no pattern matches the address")

	// ErrTimeout is the error of mail whose handler took longer than
	// [Options.Timeout].
	ErrTimeout = errors.New("station: the handler took longer than its time-out")

	// ErrNotNow is returned by a handler that cannot do anything at present: the
	// mail goes back to its place as if it had not been delivered, the actor
	// is retired, and the gate is asked again after [Options.GateWait].
	ErrNotNow = errors.New("station: not now")

	// ErrExpired is the error of mail that was of no use any more when its turn
	// came; see [Expire].
	ErrExpired = errors.New("station: the mail has expired")

	// ErrNoAnswer is returned by [Ask] when the question was handled and nobody
	// answered it.
	ErrNoAnswer = errors.New("station: the question was handled and not answered: its handler must call Mail.Reply")

	// ErrNoQuestion is returned by [Mail.Reply] for mail that nobody waits for
	// the answer to, or that was answered before.
	ErrNoQuestion = errors.New("station: nobody waits for an answer to this mail")

	// ErrAsksItself is returned by [Ask] when an actor asks its own address,
	// which could not answer before the actor is done.
	ErrAsksItself = errors.New("station: an actor asks its own address, and would wait for itself")

	// ErrRunning is returned by [Station.Run] when the station runs already.
	ErrRunning = errors.New("station: it runs already")

	// ErrNotBelow is returned by [Forward] for an address that is not below the
	// sender's.
	ErrNotBelow = errors.New("station: the address is not below the sender's")

	// ErrNoStep is returned by [Load], [Save] and [Forget] outside of an actor
	// with [Options.Atomic].
	ErrNoStep = errors.New("station: only an actor with the option Atomic has a state")

	// ErrOtherStore is returned inside an actor with [Options.Atomic] for mail
	// to an address in another store, which cannot be part of the same step.
	ErrOtherStore = errors.New("station: an atomic handler sends to addresses of its own store alone")
)

// A RemoteError is returned by [Ask] when the handler of the question failed: in
// all stores but one in memory an error travels as its text.
type RemoteError struct {
	Address string // who was asked
	Text    string // what the error said
}

// Error returns who failed and why.
func (e *RemoteError) Error() string { return "station: " + e.Address + ": " + e.Text }

// Reject returns an error with which a handler says that its mail is never to be
// tried again: it becomes a dead letter at once, with reason's text.
func Reject(reason error) error { return &rejected{reason} }

type rejected struct{ reason error }

func (r *rejected) Error() string { return r.reason.Error() }
func (r *rejected) Unwrap() error { return r.reason }

func wrongType(address string, want, got any) error {
	return fmt.Errorf("%w: %s takes mail of type %v, not %v", troupe.ErrWrongType, address, want, got)
}
