package csp

// Status is the outcome of an operation that does not wait.
type Status uint8

// The outcomes of [Chan.TryPut] and [Chan.TryGet].
const (
	Done   Status = iota // the value was put, or gotten
	Full                 // there is no room and no getter waits
	Empty                // there is no value and no put waits
	Closed               // the channel refuses puts, or is closed and has no value left
)

// String returns the status in lower case.
func (s Status) String() string {
	if s > Closed {
		return "invalid"
	}
	return [...]string{"done", "full", "empty", "closed"}[s]
}

// TryPut puts v if that is possible without waiting, and says [Done], [Full] or [Closed].
// Channels whose buffer drops or grows are never full. It is core.async's offer!.
func (c *Chan[T]) TryPut(v T) Status {
	if c.state.Add(flight)&closedBit != 0 {
		c.leave()
		return Closed
	}
	if c.buffer.kind != fixed {
		return c.verdict(c.putAtOnce(v))
	}
	select {
	case c.ch <- v:
		return c.verdict(c.accepted())
	default:
		c.leave()
		return Full
	}
}

func (c *Chan[T]) verdict(err error) Status {
	if err != nil {
		return Closed
	}
	return Done
}

// TryGet takes a value if there is one, and says [Done], [Empty] or [Closed]. It is
// core.async's poll!, which cannot tell the last two apart.
func (c *Chan[T]) TryGet() (T, Status) {
	select {
	case v, ok := <-c.ch:
		if !ok {
			return v, Closed
		}
		return v, Done
	default:
		var none T
		return none, Empty
	}
}
