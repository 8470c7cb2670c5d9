package supervisor

import (
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe"
)

// An entry is a child as its supervisor sees it. Everything but the atomics
// belongs to the supervisor's goroutine.
type entry struct {
	Child
	prev, next *entry // the order in which children start

	state State
	epoch uint64 // changes with the state: what was meant for an old one is void
	since time.Time
	timer *troupe.Timer // of the state: a delay, or a limit

	pid  troupe.PID
	path string // under which it registered

	holder    troupe.PID      // has the name; the child waits for its end
	watch     *troupe.Monitor // of holder
	heldUntil time.Time       // when that wait is over; zero if there was none

	restarts int
	streak   int       // failures in a row, for the backoff
	due      time.Time // end of the delay
	reason   error     // why it last ended

	super bool   // it is a supervisor
	crowd bool   // one of many without a name
	added bool   // and not up yet: if it does not start it is forgotten
	up    bool   // it was up at least once
	back  bool   // a person starts it, and it goes back to Stopped if it does not come up
	group bool   // must be stopped in its turn, with its siblings or with the supervisor
	late  bool   // was reported as overdue
	then  fate   // what a stop leads to
	calls []call // people who wait for its next start or end
	queue []orderCall

	keep      atomic.Uint32 // a keeping: read where the process dies
	announced atomic.Bool   // its name waits for a successor
}

// A call is somebody who waits: until the child is up, or until it is down.
type call struct {
	orderCall
	up bool
}

// A fate is what becomes of a child that was told to stop, once it has ended.
type fate uint8

const (
	thenNothing fate = iota // it was not told to stop
	thenStopped             // a person stopped it
	thenRemoved             // a person removed it, or it is temporary and stops with its group
	thenRestart             // a person restarts it
	thenWaiting             // it starts again with its group
	thenFailed              // it was not ready in time
	thenEnded               // the supervisor ends
	thenHeld                // it was not let in: another process has its name
)

// returns reports whether the child is going to start again, or would have to.
func (f fate) returns() bool { return f == thenRestart || f == thenWaiting || f == thenFailed }

// A keeping says whether a name is kept for a successor.
type keeping = uint32

const (
	keepByPolicy keeping = iota
	keepAlways
	keepNever
)

// keepName is asked, where the process dies, whether a successor will come.
func (e *entry) keepName(reason error) bool {
	keep := e.keep.Load()
	will := keep == keepAlways || keep == keepByPolicy && e.returns(reason)
	if will {
		e.announced.Store(true)
	}
	return will
}

// returns reports whether the policy starts a child again that ended with reason.
func (e *entry) returns(reason error) bool {
	switch e.Restart {
	case Permanent:
		return true
	case Transient:
		return failed(reason)
	}
	return false
}

// limit returns how long the child may take to stop.
func (e *entry) limit() time.Duration {
	switch {
	case e.Shutdown != 0:
		return e.Shutdown
	case e.super:
		return Patient
	}
	return DefaultShutdown
}

func (e *entry) info() Info {
	i := Info{
		Name: e.Name, PID: e.pid, State: e.state, Since: e.since, Policy: e.Restart,
		Restarts: e.restarts, Reason: e.reason, Supervisor: e.super,
	}
	if e.state == BackingOff {
		i.Next = e.due
	}
	return i
}

// A crew is the children of one supervisor, in order, and where to find them.
type crew struct {
	first, last *entry
	byName      map[string]*entry
	byPID       map[troupe.PID]*entry // each child under its last process
	tally       [states]int
	supers      int
	vital       int // significant children that run, or will
}

func (c *crew) append(e *entry) {
	e.prev = c.last
	if c.last == nil {
		c.first = e
	} else {
		c.last.next = e
	}
	c.last = e
	if e.Name != "" {
		c.byName[e.Name] = e
	}
	c.countIn(e, 1)
}

// countIn counts e n times; -1 counts it out.
func (c *crew) countIn(e *entry, n int) {
	c.tally[e.state] += n
	if e.Significant && e.state.active() {
		c.vital += n
	}
}

// move brings e into another state.
func (c *crew) move(e *entry, s State) {
	c.countIn(e, -1)
	e.state = s
	c.countIn(e, 1)
}

// remove takes e out. Its own prev and next are left as they are.
func (c *crew) remove(e *entry) {
	if e.prev == nil {
		c.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		c.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	if e.Name != "" {
		delete(c.byName, e.Name)
	}
	if c.byPID[e.pid] == e {
		delete(c.byPID, e.pid)
	}
	c.countIn(e, -1)
	if e.super {
		c.supers--
	}
}

func (c *crew) find(which id) *entry {
	if which.name != "" {
		return c.byName[which.name]
	}
	return c.byPID[which.pid]
}

// adopt makes pid the process of e.
func (c *crew) adopt(e *entry, pid troupe.PID) {
	if c.byPID[e.pid] == e {
		delete(c.byPID, e.pid)
	}
	e.pid = pid
	c.byPID[pid] = e
}

// alive counts the children behind which a process stands.
func (c *crew) alive() int {
	return c.tally[Starting] + c.tally[Running] + c.tally[Stopping]
}

func (c *crew) list() []Info {
	var all []Info
	for e := c.first; e != nil; e = e.next {
		all = append(all, e.info())
	}
	return all
}

func (c *crew) count() Tally {
	t := c.tally
	sum := 0
	for _, n := range t {
		sum += n
	}
	return Tally{
		Children: sum, Running: t[Running], Starting: t[Starting] + t[Waiting], Stopping: t[Stopping],
		BackingOff: t[BackingOff], Stopped: t[Stopped], Refused: t[Refused], Ended: t[Ended],
		Supervisors: c.supers,
	}
}
