package mailbox

import "context"

// What follows is for stores that can do more. Each is an interface of its own,
// that a store or a box implements or not.

// A ValueStore keeps Go values instead of bytes: what it delivers has Value set
// and no Body. Only a store in memory can.
type ValueStore interface {
	// PutValue is Put for mail that has nothing but an address and a value.
	PutValue(ctx context.Context, address string, value any) error
}

// A Ledger is a box that can keep its address's state together with its mail.
// Its methods may be called by the owner's goroutine alone.
type Ledger interface {
	// State returns what the last Commit with a State left, nil if none has.
	// The caller must not change it.
	State(ctx context.Context) ([]byte, error)

	// Commit does all of c or nothing, and returns when it is safe. It returns
	// what Put and Settle return. Mail in c goes to addresses of the same
	// store; limits with Block are taken for Refuse.
	Commit(ctx context.Context, c Commit) error
}

// A Commit is one step of the owner of an address.
type Commit struct {
	Outcomes []Outcome // of its deliveries
	Mail     []Mail    // that it sends
	State    []byte    // if SetState; empty forgets it
	SetState bool
}

// States is a store whose boxes are Ledgers, and that tells the state of an address to
// anybody, whether or not the address has mail or an owner.
type States interface {
	// State returns what the last Commit with a State left, nil if none has.
	// The caller must not change it.
	State(ctx context.Context, address string) ([]byte, error)
}

// Answers is a store that can carry the answer to a question back to the program
// that asked, if it still listens. An answer is not kept for anybody: who has
// gone does not need it.
type Answers interface {
	// Listen calls f for each answer sent to replyTo, until ctx ends or the
	// store is closed. f must not block.
	Listen(ctx context.Context, f func(Answer)) (replyTo string, err error)

	// Answer sends an answer. That nobody listens any more is no error.
	Answer(ctx context.Context, replyTo string, a Answer) error
}

// An Answer is what a question is answered with.
type Answer struct {
	Question string // names the question to who asked it
	Err      string // why there is no answer; "" if there is one
	Encoding string // how Body is to be read
	Body     []byte
	Value    any // in a store that keeps values
}
