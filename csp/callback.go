package csp

import "sync"

// MaxPending is how many [Chan.PutFunc] and how many [Chan.GetFunc] may wait on one channel.
// It is the bound that core.async sets too: a queue that grows without end hides a consumer
// that is too slow.
const MaxPending = 1024

// callbacks are the operations of a channel that wait without a goroutine each. One
// goroutine serves all puts, another all gets, each only while there are some.
type callbacks[T any] struct {
	mu   sync.Mutex
	puts []pendingPut[T]
	gets []func(T, bool)
}

type pendingPut[T any] struct {
	value T
	then  func(error)
}

// PutFunc puts v without making the caller wait, and then calls then (which may be nil) once:
// with nil, or with the error that [Chan.Put] would have returned. If the put can be done at
// once, or the channel is closed, then is called before PutFunc returns; otherwise later, on
// another goroutine, on which it should neither block (nor call Abort, which waits for it) nor
// panic.
//
// PutFunc itself returns [ErrTooManyPending], and never calls then, if [MaxPending] puts wait
// already. Puts made with PutFunc are delivered in their order. It is core.async's put!.
func (c *Chan[T]) PutFunc(v T, then func(error)) error {
	if then == nil {
		then = func(error) {}
	}
	b := &c.callbacks
	b.mu.Lock()
	if len(b.puts) == 0 {
		if status := c.TryPut(v); status != Full {
			b.mu.Unlock()
			then(c.errorOf(status))
			return nil
		}
	}
	if len(b.puts) >= MaxPending {
		b.mu.Unlock()
		return ErrTooManyPending
	}
	if c.state.Add(flight)&closedBit != 0 { // in flight from now: a close will wait for it
		b.mu.Unlock()
		then(c.refuse())
		return nil
	}
	b.puts = append(b.puts, pendingPut[T]{v, then})
	if len(b.puts) == 1 {
		go c.servePuts()
	}
	b.mu.Unlock()
	return nil
}

func (c *Chan[T]) errorOf(s Status) error {
	if s == Closed {
		return c.closedError()
	}
	return nil
}

// servePuts keeps the put it works on in the queue, so that a later one cannot overtake it.
func (c *Chan[T]) servePuts() {
	b := &c.callbacks
	for {
		b.mu.Lock()
		next := b.puts[0]
		b.mu.Unlock()
		c.ch <- next.value
		next.then(c.accepted())
		b.mu.Lock()
		b.puts[0] = pendingPut[T]{}
		b.puts = b.puts[1:]
		last := len(b.puts) == 0
		b.mu.Unlock()
		if last {
			return
		}
	}
}

// GetFunc takes the next value without making the caller wait, and calls then once with the
// value and true, or with false if the channel is closed and empty. If that is known at once,
// then is called before GetFunc returns; otherwise later, on another goroutine, on which it
// should neither block nor panic.
//
// GetFunc itself returns [ErrTooManyPending], and never calls then, if [MaxPending] gets wait
// already. Gets made with GetFunc receive in their order. It is core.async's take!.
func (c *Chan[T]) GetFunc(then func(v T, ok bool)) error {
	b := &c.callbacks
	b.mu.Lock()
	if len(b.gets) == 0 {
		if v, status := c.TryGet(); status != Empty {
			b.mu.Unlock()
			then(v, status == Done)
			return nil
		}
	}
	defer b.mu.Unlock()
	if len(b.gets) >= MaxPending {
		return ErrTooManyPending
	}
	b.gets = append(b.gets, then)
	if len(b.gets) == 1 {
		go c.serveGets()
	}
	return nil
}

func (c *Chan[T]) serveGets() {
	b := &c.callbacks
	for {
		v, ok := <-c.ch
		b.mu.Lock()
		then := b.gets[0]
		b.mu.Unlock()
		then(v, ok)
		b.mu.Lock()
		b.gets[0] = nil
		b.gets = b.gets[1:]
		last := len(b.gets) == 0
		b.mu.Unlock()
		if last {
			return
		}
	}
}
