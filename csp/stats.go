package csp

import "fmt"

// Stats are the numbers of a channel at one moment. They are read one after the other while
// the channel is in use, so that they may be off by the operations of that instant.
type Stats struct {
	Buffered int    // values accepted and not yet gotten
	Pending  int    // puts that have begun and not ended; those that wait, in the main
	Puts     uint64 // puts that have succeeded, those whose value was dropped included
	Gets     uint64 // values gotten
	Dropped  uint64 // values thrown away by a dropping or sliding buffer, or by Abort
}

// Stats returns the channel's numbers. A channel with pending puts waits for its consumer;
// an empty one without waits for its producer: that is how to find what holds up a pipeline.
func (c *Chan[T]) Stats() Stats {
	buffered := len(c.ch) + int(c.backlog.Load())
	dropped := c.dropped.Load()
	wraps := c.wraps.Load()
	state := c.state.Load()
	puts := wraps*(1<<37) + state/success
	gone := dropped + uint64(buffered)
	s := Stats{Buffered: buffered, Pending: int(state & flightMask), Puts: puts, Dropped: dropped}
	if puts > gone { // not so for an instant, between a value's arrival and its being counted
		s.Gets = puts - gone
	}
	if c.backlog.Load() > 0 && s.Pending > 0 {
		s.Pending-- // the goroutine that moves the overflow is nobody's put
	}
	return s
}

// Len returns how many values are accepted and not yet gotten.
func (c *Chan[T]) Len() int { return len(c.ch) + int(c.backlog.Load()) }

// String describes the channel for a log line, as in "chan[fixed(8), 3 buffered, closed]".
func (c *Chan[T]) String() string {
	state := "open"
	switch {
	case c.Drained():
		state = "drained"
	case c.Closed():
		state = "closed"
	}
	return fmt.Sprintf("chan[%v, %d buffered, %s]", c.buffer, c.Len(), state)
}
