package ipc

import (
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// Operations of the objects. Each kind has a few.
const (
	opLock = opObject + iota
	opUnlock
	opAcquire
	opPermits // gives some back
	opValue
	opSet
	opClear
	opWait
	opEnter
	opNotify
	opActed
	opMend
	opState
	opLoad
	opStore
	opView
	opViewed
	opPut
	opGet
	opReady
	opControl
	opSettle
	opJoin
	opAll
	opDelete
	opInsert
	opCall
)

// newObject makes an object of kind k.
func newObject(c *call, k kind, params string) (object, error) {
	d := &wire.Decoder{Bytes: []byte(params)}
	switch k {
	case kindLock:
		return new(lockObject), nil
	case kindSemaphore:
		return newSemaphoreObject(d)
	case kindEvent:
		return new(eventObject), nil
	case kindCondition:
		return &conditionObject{waiting: make(map[uint64]*session)}, nil
	case kindBarrier:
		return newBarrierObject(d)
	case kindCells:
		return newCellsObject(d)
	case kindQueue, kindTasks:
		return newQueueObject(d, k == kindTasks)
	case kindTable:
		return newTable(c)
	case kindList:
		return new(listObject), nil
	case kindInstance:
		return newInstance(c, params)
	}
	return nil, fmt.Errorf("ipc: this manager does not know %v: it is an older program", k)
}

// errOperation says that an object cannot do what was asked for.
func (c *call) errOperation(k kind) error {
	return fmt.Errorf("ipc: %v was asked for operation %d, which it does not have: is the same version of the program on the other side?", k, c.op)
}

// A lockObject is a lock that a process holds.
type lockObject struct {
	line   line
	holder *session
	orphan bool // its last holder died
}

func (o *lockObject) do(c *call) error {
	switch c.op {
	case opLock:
		if err := c.until(&o.line, func() bool { return o.holder == nil }); err != nil {
			return err
		}
		o.holder = c.s
		if o.orphan {
			o.orphan = false
			return ErrOwnerDied
		}
		return nil
	case opUnlock:
		if o.holder != c.s {
			return ErrNotOwner
		}
		o.holder = nil
		o.line.wake()
		return nil
	}
	return c.errOperation(kindLock)
}

func (o *lockObject) leave(s *session) {
	if o.holder == s {
		o.holder, o.orphan = nil, true
		o.line.wake()
	}
}

func (o *lockObject) remove() {}

// A semaphoreObject counts permits. total is how many there are in all; what the processes hold
// of them cannot be acquired.
type semaphoreObject struct {
	line    line
	initial int
	bounded bool
	total   int
	orphans int // permits that came back from the dead, and nobody was told
	held    map[*session]int
}

func newSemaphoreObject(d *wire.Decoder) (object, error) {
	bounded, err := d.Uint()
	if err != nil {
		return nil, err
	}
	initial, err := d.Uint()
	if err != nil || initial > maxPermits {
		return nil, wire.ErrMalformed
	}
	return &semaphoreObject{initial: int(initial), bounded: bounded == 1, total: int(initial), held: make(map[*session]int)}, nil
}

func (o *semaphoreObject) free() int {
	n := o.total
	for _, k := range o.held {
		n -= k
	}
	return n
}

func (o *semaphoreObject) do(c *call) error {
	switch c.op {
	case opAcquire:
		if err := c.until(&o.line, func() bool { return o.free() > 0 }); err != nil {
			return err
		}
		o.held[c.s]++
		if o.orphans > 0 {
			o.orphans--
			return ErrOwnerDied
		}
		return nil
	case opPermits:
		n, err := c.args.Uint()
		if err != nil || n > maxPermits {
			return wire.ErrMalformed
		}
		return o.give(c.s, int(n))
	case opValue:
		c.answer.Uint(uint64(o.free()))
		return nil
	}
	return c.errOperation(kindSemaphore)
}

// give gives back n permits: those of s first, then those of others, and the rest is new.
func (o *semaphoreObject) give(s *session, n int) error {
	if o.bounded && o.held[s] < n {
		return ErrNotOwner
	}
	take := func(s *session) {
		k := min(o.held[s], n)
		if o.held[s] -= k; o.held[s] == 0 {
			delete(o.held, s)
		}
		n -= k
	}
	take(s)
	for other := range o.held {
		take(other)
	}
	o.total += n
	o.line.wake()
	return nil
}

func (o *semaphoreObject) leave(s *session) {
	n := o.held[s]
	if n == 0 {
		return
	}
	back := min(n, max(0, o.initial-(o.total-n)))
	delete(o.held, s)
	o.total -= n - back
	o.orphans += back
	o.line.wake()
}

func (o *semaphoreObject) remove() {}

// An eventObject is a flag.
type eventObject struct {
	line line
	flag bool
	sets uint64 // how often it was set
}

func (o *eventObject) do(c *call) error {
	switch c.op {
	case opSet:
		if !o.flag {
			o.flag = true
			o.sets++
			o.line.wake()
		}
		return nil
	case opClear:
		o.flag = false
		return nil
	case opWait:
		before := o.sets
		return c.until(&o.line, func() bool { return o.flag || o.sets != before })
	}
	return c.errOperation(kindEvent)
}

func (o *eventObject) leave(*session) {}
func (o *eventObject) remove()        {}

// A conditionObject hands out notifications to whoever waits and drew a ticket before the last
// of them was given.
type conditionObject struct {
	line    line
	next    uint64
	bound   uint64 // tickets below may take one
	tokens  int    // notifications that nobody has taken
	waiting map[uint64]*session
}

func (o *conditionObject) do(c *call) error {
	switch c.op {
	case opEnter:
		o.waiting[o.next] = c.s
		c.answer.Uint(o.next)
		o.next++
		return nil
	case opWait:
		ticket, err := c.args.Uint()
		if err != nil || o.waiting[ticket] != c.s {
			return wire.ErrMalformed
		}
		err = c.until(&o.line, func() bool { return o.tokens > 0 && ticket < o.bound })
		if errors.Is(err, errWouldBlock) {
			return err
		}
		if err == nil {
			o.tokens--
		}
		delete(o.waiting, ticket)
		o.settle()
		return err
	case opNotify:
		n, err := c.args.Uint()
		if err != nil || n > 1<<30 {
			return wire.ErrMalformed
		}
		o.bound = o.next
		o.tokens += int(n)
		o.settle()
		o.line.wake()
		return nil
	}
	return c.errOperation(kindCondition)
}

// settle forgets notifications for which there is no one.
func (o *conditionObject) settle() {
	n := 0
	for ticket := range o.waiting {
		if ticket < o.bound {
			n++
		}
	}
	o.tokens = min(o.tokens, n)
}

func (o *conditionObject) leave(s *session) {
	for ticket, who := range o.waiting {
		if who == s {
			delete(o.waiting, ticket)
		}
	}
	o.settle()
}

func (o *conditionObject) remove() {}
