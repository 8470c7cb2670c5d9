package ipc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
)

// A broker keeps locks, queues and the like for OS processes that do not share memory with each
// other, or not those things. It lives in one of the processes; each of the others has one
// connection to it, whose end is the death of the process. It is what a Manager is made of, and
// what stands in for shared memory on systems without it.
//
// How a call goes, in this order: a handle (broker_handles.go) encodes its arguments; its link
// (broker_link.go) takes them to the broker, in the same process directly, else by a client
// (broker_client.go) through a connection to a session (broker_session.go); the session finds
// the object (broker_objects.go and the files behind it), which does it or waits until it can.
//
// One lock guards everything in a broker. What is done under it is short. It is a plain
// implementation on purpose, for it is also the oracle in the tests of the other one.
type broker struct {
	id [16]byte

	mu       sync.Mutex
	objects  map[uint64]*entry
	names    map[string]*entry
	sessions map[uint64]*session
	last     uint64 // the last number given to an object or session
	board    *board // nil before there is a client on this machine, and where there can be none
	closed   bool
	all      sync.WaitGroup // goroutines
}

// An entry is an object and who has handles of it.
type entry struct {
	object
	number uint64
	name   string
	kind   kind
	params string // what it was made with
	refs   int    // sessions that have it, one more for a name
}

// An object is something that a broker keeps. Its methods are called with the broker's lock
// held.
type object interface {
	// do does what a call asks for, or waits until it can.
	do(c *call) error
	// leave says that the process of s is dead, or has let go of the object.
	leave(s *session)
	// remove says that nobody has the object any more.
	remove()
}

// A kind is what sort of object something is.
type kind byte

const (
	kindLock kind = iota + 1
	kindSemaphore
	kindEvent
	kindCondition
	kindBarrier
	kindCells
	kindQueue
	kindTasks
	kindTable
	kindList
	kindInstance
	kindRoot
)

var kindNames = [...]string{
	"nothing", "a lock", "a semaphore", "an event", "a condition", "a barrier", "a value or an array",
	"a queue", "a queue of tasks", "a variable or a map", "a list", "an object", "the manager itself",
}

func (k kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// What is asked of the broker itself. Numbers above are for the objects.
const (
	opNew     byte = iota + 1 // kind, name, parameters: the number of an object, made if need be
	opOpen                    // a handle of an object that is known by its number
	opRelease                 // the process has let go of an object
	opRemove                  // name: forget it
	opInvite                  // a connection for another process, which gets a handle of an object
	opGuest                   // this connection is for another process; see client.inviteByDial
	opArrive                  // the process that this connection is for has it
	opObject                  // the first of the objects' own
)

// errGone says that an object does not exist any more.
var errGone = errors.New("ipc: the manager does not have it any more: it was removed, or nobody held it while its handle travelled")

func newBroker() *broker {
	b := &broker{
		objects: make(map[uint64]*entry), names: make(map[string]*entry), sessions: make(map[uint64]*session),
	}
	rand.Read(b.id[:])
	registerErrors()
	b.last = rootNumber
	b.objects[rootNumber] = &entry{object: new(rootObject), number: rootNumber, kind: kindRoot, refs: 1}
	return b
}

// registerErrors makes the errors of this package keep their identity on their way through a
// broker.
var registerErrors = sync.OnceFunc(func() {
	for name, err := range map[string]error{
		"ipc.ErrClosed": ErrClosed, "ipc.ErrOwnerDied": ErrOwnerDied, "ipc.ErrNotOwner": ErrNotOwner,
		"ipc.ErrBroken": ErrBroken, "ipc.ErrUnsupported": ErrUnsupported, "ipc.ErrTooLarge": ErrTooLarge,
		"ipc.ErrNotFound": ErrNotFound, "ipc.errGone": errGone, "ipc.errBusy": errBusy,
		"ipc.errConflict": errConflict,
	} {
		wire.RegisterError(name, err)
	}
})

// A call is one question on its way through a broker, and its answer.
type call struct {
	op     byte
	number uint64 // of the object
	args   wire.Decoder
	files  fileSource // of what goes along

	b      *broker
	s      *session
	ctx    context.Context
	closed <-chan struct{} // the handle was detached; nil if that cannot happen
	inline bool            // do not wait, but return errWouldBlock

	answer wire.Encoder // its files belong to the answer
}

// fileSource says whose the descriptors in a call's args are.
type fileSource bool

const (
	filesOwned    fileSource = false
	filesBorrowed fileSource = true // they are to be copied
)

// takeFiles returns the descriptors that came along, which now belong to the object.
func (c *call) takeFiles() ([]int, error) {
	files := c.args.Files
	c.args.Files = nil
	if c.files == filesBorrowed {
		return copyFiles(files)
	}
	return slices.Clone(files), nil
}

// do does a call. It returns with the broker's lock not held.
func (b *broker) do(c *call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || c.s.ended {
		return ErrClosed
	}
	c.b = b
	switch c.op {
	case opNew:
		return b.open(c)
	case opRemove:
		return b.forget(c)
	}
	e := b.objects[c.number]
	switch {
	case e == nil || c.op != opOpen && c.s.refs[e] == 0:
		return errGone
	case c.op == opOpen:
		b.hold(e, c.s)
		return nil
	case c.op == opRelease:
		b.release(e, c.s)
		return nil
	}
	return e.do(c)
}

// until waits until try reports true. It is called, and returns, with the lock held.
func (c *call) until(line *line, try func() bool) error {
	for {
		switch {
		case c.s.ended:
			return ErrClosed
		case try():
			return nil
		case c.ctx.Err() != nil:
			return context.Cause(c.ctx)
		case c.inline:
			return errWouldBlock
		}
		changed := line.next()
		c.b.mu.Unlock()
		select {
		case <-changed:
		case <-c.ctx.Done():
		case <-c.closed:
		}
		c.b.mu.Lock()
		select {
		case <-c.closed:
			return ErrClosed
		default:
		}
	}
}

// A line is where calls wait for a change. The zero line is empty.
type line struct{ change chan struct{} }

// next returns a channel that is closed at the next change.
func (l *line) next() <-chan struct{} {
	if l.change == nil {
		l.change = make(chan struct{})
	}
	return l.change
}

// wake lets those who wait look again.
func (l *line) wake() {
	if l.change != nil {
		close(l.change)
		l.change = nil
	}
}

// rootNumber is the object that every broker has: the way to all that have names.
const rootNumber = 1

// A rootObject is what a Manager is a handle of.
type rootObject struct{}

// do answers with the names of what there is.
func (*rootObject) do(c *call) error {
	if c.op != opAll {
		return c.errOperation(kindRoot)
	}
	c.answer.Uint(uint64(len(c.b.names)))
	for name := range c.b.names {
		c.answer.Text(name)
	}
	return nil
}

func (*rootObject) leave(*session) {}
func (*rootObject) remove()        {}

// open answers with the number of the object that the arguments describe: one that has the
// name, or a new one. Behind them may stand what a new one begins with.
func (b *broker) open(c *call) error {
	k, err1 := c.args.Uint()
	name, err2 := c.args.Text()
	params, err3 := c.args.Text()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	e := b.names[name]
	switch {
	case e == nil || name == "":
		var err error
		if e, err = b.make(c, kind(k), name, params); err != nil {
			return err
		}
	case e.kind != kind(k):
		return fmt.Errorf("ipc: %q is %v in this manager, not %v", name, e.kind, kind(k))
	case e.params != params:
		return fmt.Errorf("ipc: %v called %q exists, and was made otherwise: with another size or another type", e.kind, name)
	}
	b.hold(e, c.s)
	c.answer.Uint(e.number)
	return nil
}

func (b *broker) make(c *call, k kind, name, params string) (*entry, error) {
	o, err := newObject(c, k, params)
	if err != nil {
		return nil, err
	}
	if b.closed || c.s.ended {
		o.remove()
		return nil, ErrClosed
	}
	if e := b.names[name]; e != nil && name != "" { // somebody was faster while it was made
		o.remove()
		return e, nil
	}
	b.last++
	e := &entry{object: o, number: b.last, name: name, kind: k, params: params}
	b.objects[e.number] = e
	if name != "" {
		b.names[name] = e
		e.refs++
	}
	return e, nil
}

// forget takes an object's name away.
func (b *broker) forget(c *call) error {
	name, err := c.args.Text()
	if err != nil {
		return err
	}
	e := b.names[name]
	if e == nil {
		return fmt.Errorf("%w: the manager has nothing called %q", ErrNotFound, name)
	}
	delete(b.names, name)
	b.drop(e)
	return nil
}

// hold gives a session one more handle of e.
func (b *broker) hold(e *entry, s *session) {
	if s.refs[e] == 0 {
		e.refs++
	}
	s.refs[e]++
}

// release takes a handle from a session. The last one gives back what the process has.
func (b *broker) release(e *entry, s *session) {
	if s.refs[e]--; s.refs[e] > 0 {
		return
	}
	delete(s.refs, e)
	e.leave(s)
	b.drop(e)
}

func (b *broker) drop(e *entry) {
	if e.refs--; e.refs == 0 {
		delete(b.objects, e.number)
		e.remove()
	}
}

// close ends the broker, and everybody's connection to it.
func (b *broker) close() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	sessions := make([]*session, 0, len(b.sessions))
	for _, s := range b.sessions {
		sessions = append(sessions, s)
	}
	b.mu.Unlock()
	for _, s := range sessions {
		s.end()
	}
	b.mu.Lock()
	for _, e := range b.objects {
		e.remove()
	}
	clear(b.objects)
	clear(b.names)
	b.mu.Unlock()
	b.all.Wait() // nobody shows the board to another client any more
	b.board.close()
}
