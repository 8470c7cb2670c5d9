package supervisor

import (
	"time"

	"github.com/troupe-go/troupe"
)

// State is what a child is doing.
type State uint8

const (
	// Waiting children have their turn to start before them, or another process
	// has their name and they wait for its end.
	Waiting State = iota
	// Starting children have been spawned and have not called Ready yet.
	Starting
	// Running children are up.
	Running
	// Stopping children have been told to stop and have not ended yet.
	Stopping
	// BackingOff children have failed and will be started again.
	BackingOff
	// Stopped children were stopped by a person, or did not start when a person
	// wanted them to. They wait for a person to start them.
	Stopped
	// Refused children were not started because their gate said so.
	Refused
	// Ended children have ended and are not to be started again by their
	// policy.
	Ended

	states = iota
)

// String returns the state's name.
func (s State) String() string {
	return nameOf(s, "waiting", "starting", "running", "stopping", "backing off", "stopped", "refused", "ended")
}

// alive reports that a process stands behind a child in this state.
func (s State) alive() bool { return s == Starting || s == Running || s == Stopping }

// active reports that a child in this state runs, or will by itself.
func (s State) active() bool { return s.alive() || s == Waiting || s == BackingOff }

// Info is what [List] and [Find] tell about a child.
type Info struct {
	Name       string
	PID        troupe.PID // of its process; the last one if it has ended
	State      State
	Since      time.Time // when it came into that state
	Next       time.Time // when a child that backs off will be started
	Policy     Policy
	Restarts   int   // how often the supervisor has started it again
	Reason     error // why it last ended or did not start; nil if it never did, or ended normally
	Supervisor bool  // it is a supervisor itself
}

// Tally is what [Count] tells: how many children there are in each state.
type Tally struct {
	Children    int // all of them
	Running     int
	Starting    int // or waiting for their turn
	Stopping    int
	BackingOff  int
	Stopped     int
	Refused     int
	Ended       int
	Supervisors int // how many of all are supervisors themselves
}
