package troupe

import (
	"errors"
	"fmt"
	"strings"
)

// Stop is returned by a body or a handler to end its process normally. It is
// the reason "normal" of Erlang/OTP: a process that ends with nil, with Stop or
// with an error that wraps Stop is not felt by those linked to it.
var Stop = errors.New("troupe: normal end")

// Reasons with which processes end, and errors that calls return. Test for
// them with [errors.Is].
var (
	// ErrKilled is the reason of a process that was killed. No process can trap
	// a kill; those linked to the victim see ErrKilled, which they can trap.
	ErrKilled = errors.New("troupe: killed")

	// ErrShutdown is the reason of a process that was told to end in good
	// order, by its supervisor or because its node ends.
	ErrShutdown = errors.New("troupe: shutdown")

	// ErrNoProc says that the process addressed does not exist or has ended.
	ErrNoProc = errors.New("troupe: no such process")

	// ErrNoConnection is the reason that monitors and links give for a process
	// on a node that cannot be reached any more.
	ErrNoConnection = errors.New("troupe: no connection to the node")

	// ErrMailboxFull is returned by a send to a mailbox that was made with
	// [Refuse] and is full.
	ErrMailboxFull = errors.New("troupe: mailbox is full")

	// ErrNameTaken is returned by Register, and is the reason of a process that
	// was spawned with [Name], when another living process has the name.
	ErrNameTaken = errors.New("troupe: name is taken")

	// ErrWrongType is returned when a message is sent to a process whose
	// mailbox has another message type.
	ErrWrongType = errors.New("troupe: the process accepts another type of message")

	// ErrNobodyWaits is returned by Reply and Fail of a [Call] that was
	// answered before, or whose asker has given up.
	ErrNobodyWaits = errors.New("troupe: nobody waits for this answer: it was given before, or the asker gave up")

	// ErrGoexit is the reason of a process whose body called [runtime.Goexit]
	// without having been told to end.
	ErrGoexit = errors.New("troupe: the body called runtime.Goexit")
)

// PanicError is the reason of a process whose body panicked.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // the stack of the panicking goroutine, as text
}

// Error returns "panic: " and the panic's value.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic's value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// DeadlockError is returned by [Ask] when its answer could never come, because
// the processes of Cycle all wait for each other. The first of Cycle is the
// asker; the last waits for the first.
type DeadlockError struct {
	Cycle []PID
}

// Error names the cycle.
func (e *DeadlockError) Error() string {
	var b strings.Builder
	b.WriteString("troupe: deadlock: ")
	for _, p := range e.Cycle {
		b.WriteString(p.String())
		b.WriteString(" asks ")
	}
	if len(e.Cycle) > 0 {
		b.WriteString(e.Cycle[0].String())
	}
	return b.String()
}

// Is reports that every DeadlockError equals every other under [errors.Is].
func (e *DeadlockError) Is(target error) bool {
	_, ok := target.(*DeadlockError)
	return ok
}

// IsNormal reports whether reason is that of a normal end: nil, or [Stop].
//
// A panic is never normal, whatever its value.
func IsNormal(reason error) bool {
	if reason == nil || reason == Stop { //nolint:errorlint // the common cases need no walk
		return true
	}
	return errors.Is(reason, Stop) && !isPanic(reason)
}

func isPanic(reason error) bool {
	var p *PanicError
	return errors.As(reason, &p)
}

// reasonText is a reason as it is printed behind "is down".
func reasonText(reason error) string {
	if IsNormal(reason) {
		return "normal"
	}
	return strings.TrimPrefix(reason.Error(), "troupe: ")
}
