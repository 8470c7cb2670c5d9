package child

import (
	"fmt"
	"syscall"
	"time"
)

// Status says how a process ended.
type Status struct {
	Code   int            // the exit code; -1 if it was ended by a signal, or nobody knows
	Signal syscall.Signal // that ended it; 0 if it exited
	Core   bool           // a core was dumped
}

// String returns "exit status 2", or "signal: killed".
func (s Status) String() string {
	switch {
	case s.Signal != 0 && s.Core:
		return fmt.Sprintf("signal: %v (core dumped)", s.Signal)
	case s.Signal != 0:
		return fmt.Sprintf("signal: %v", s.Signal)
	case s.Code < 0:
		return "exit status unknown"
	}
	return fmt.Sprintf("exit status %d", s.Code)
}

// Usage is what a process used up.
type Usage struct {
	User, System time.Duration // processor time
	MaxMemory    int64         // most bytes resident at a time; 0 where the system does not tell
}

// End is all that is known of a child that has ended.
type End struct {
	Status Status
	Usage  Usage
	Cause  error  // why the parent ended it; nil if it ended by itself
	Crash  string // the runtime's last words if a worker died of a fault
	Stderr string // the last of its standard error, where that goes to a Sink
}
