package mailbox

import (
	"errors"
	"fmt"

	"github.com/troupe-go/troupe"
)

// Errors that stores return. Test for them with [errors.Is].
var (
	// ErrFull says that an address has as much mail as was allowed. It wraps
	// troupe.ErrMailboxFull.
	ErrFull = fmt.Errorf("mailbox: the address has as much mail as its limit allows: %w", troupe.ErrMailboxFull)

	// ErrTooLarge says that one mail is larger than the store takes.
	ErrTooLarge = errors.New("mailbox: the mail is larger than the store takes: send a reference to it instead")

	// ErrAddress says that something cannot be an address; see [CheckAddress].
	ErrAddress = errors.New("mailbox: not an address")

	// ErrStopped says that a person has stopped the address.
	ErrStopped = errors.New("mailbox: the address was stopped: release its box")

	// ErrLost says that the address belongs to another session, or to none.
	ErrLost = errors.New("mailbox: the address does not belong to this session any more")

	// ErrClosed says that the store or the session was closed.
	ErrClosed = errors.New("mailbox: closed")

	// ErrInUse says that another program has the store and does not share it.
	ErrInUse = errors.New("mailbox: another program uses the store: end it, or use a store that programs can share")

	// ErrUnsupported says that a store cannot do what it was asked for.
	ErrUnsupported = errors.New("mailbox: this store cannot do that")
)
