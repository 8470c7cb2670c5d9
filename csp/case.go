package csp

import "reflect"

// Case is one alternative of a [Select]: made by [Recv], [Send], [Await], [RecvC] or
// [Default]. A Case is a plain value and may be used again in later selects, by one goroutine
// at a time.
type Case struct {
	port port // nil: never ready, or the default
	slot any  // *T: where a value goes to, or comes from
	kind caseKind
}

type caseKind uint8

const (
	getCase caseKind = iota
	putCase
	defaultCase
)

// port is what Select knows of a channel whose element type it does not know. In the order of
// a select: try is called first; if no alternative was ready, wait for each, then either won
// for the one that reflect chose or lost for each other one.
type port interface {
	// try performs the operation if that needs no waiting. ok is false if the channel is closed.
	try(k caseKind, slot any) (ready, ok bool)
	// wait prepares a blocking operation. ready means that the channel is closed for it.
	wait(k caseKind, slot any) (c reflect.SelectCase, ready bool)
	won(k caseKind, slot any, v reflect.Value, received bool) (ok bool)
	lost(k caseKind)
}

// Recv is the alternative of getting from c. When Select chooses it, the value is stored in
// *into, which may be nil to ignore it; its ok is false if c is closed and empty, and *into is
// set to the zero value then. A nil channel is never ready.
func Recv[T any](c *Chan[T], into *T) Case {
	if c == nil {
		return Case{}
	}
	return Case{port: c, slot: into, kind: getCase}
}

// Send is the alternative of putting v into c. Its ok is false if c is closed. A nil channel
// is never ready.
func Send[T any](c *Chan[T], v T) Case {
	if c == nil {
		return Case{}
	}
	return Case{port: c, slot: &v, kind: putCase}
}

// Await is the alternative of a promise's value becoming known. Its ok is false if the
// promise was closed without one.
func Await[T any](p *Promise[T], into *T) Case {
	if p == nil {
		return Case{}
	}
	return Case{port: p, slot: into, kind: getCase}
}

// RecvC is [Recv] for a native channel, such as the Done channel of a context.
func RecvC[T any](c <-chan T, into *T) Case {
	if c == nil {
		return Case{}
	}
	return Case{port: native[T](c), slot: into, kind: getCase}
}

// Default is the alternative that is chosen when no other is ready.
func Default() Case { return Case{kind: defaultCase} }

func store[T any](slot any, v T) {
	if into := slot.(*T); into != nil {
		*into = v
	}
}

func storeReflected[T any](slot any, v reflect.Value) {
	if into := slot.(*T); into != nil {
		reflect.ValueOf(into).Elem().Set(v)
	}
}

func (c *Chan[T]) try(k caseKind, slot any) (ready, ok bool) {
	if k == putCase {
		status := c.TryPut(*slot.(*T))
		return status != Full, status == Done
	}
	select {
	case v, ok := <-c.ch:
		store(slot, v)
		return true, ok
	default:
		return false, false
	}
}

func (c *Chan[T]) wait(k caseKind, slot any) (sc reflect.SelectCase, ready bool) {
	if k == getCase {
		return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c.ch)}, false
	}
	if c.state.Add(flight)&closedBit != 0 {
		c.leave()
		return sc, true
	}
	v := reflect.ValueOf(slot.(*T)).Elem()
	return reflect.SelectCase{Dir: reflect.SelectSend, Chan: reflect.ValueOf(c.ch), Send: v}, false
}

func (c *Chan[T]) won(k caseKind, slot any, v reflect.Value, received bool) bool {
	if k == putCase {
		return c.accepted() == nil
	}
	storeReflected[T](slot, v)
	return received
}

func (c *Chan[T]) lost(k caseKind) {
	if k == putCase {
		c.leave()
	}
}

func (p *Promise[T]) try(_ caseKind, slot any) (ready, ok bool) {
	v, status := p.TryGet()
	if status == Empty {
		return false, false
	}
	store(slot, v)
	return true, status == Done
}

func (p *Promise[T]) wait(caseKind, any) (reflect.SelectCase, bool) {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(p.done)}, false
}

func (p *Promise[T]) won(_ caseKind, slot any, _ reflect.Value, _ bool) bool {
	store(slot, p.value)
	return p.ok
}

func (p *Promise[T]) lost(caseKind) {}

// native is a Go channel as a port.
type native[T any] <-chan T

func (n native[T]) try(_ caseKind, slot any) (ready, ok bool) {
	select {
	case v, ok := <-n:
		store(slot, v)
		return true, ok
	default:
		return false, false
	}
}

func (n native[T]) wait(caseKind, any) (reflect.SelectCase, bool) {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf((<-chan T)(n))}, false
}

func (n native[T]) won(_ caseKind, slot any, v reflect.Value, received bool) bool {
	storeReflected[T](slot, v)
	return received
}

func (n native[T]) lost(caseKind) {}
