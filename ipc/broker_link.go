package ipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/troupe-go/troupe/internal/wire"
)

// A link is this process's way to a broker. All handles of what a broker keeps share it, so
// that to the broker a process is one session, however many handles it has.
type link struct {
	transport
	id   [16]byte
	refs int // handles; guarded by links

	holdings map[uint64]weak.Pointer[holding] // of reentrant locks, by number; guarded by links
}

// holding returns what this process keeps for the reentrant lock with the number, as long as it
// has a handle of it.
func (l *link) holding(number uint64) *holding {
	links.Lock()
	defer links.Unlock()
	h := l.holdings[number].Value()
	if h == nil {
		h = new(holding)
		if l.holdings == nil {
			l.holdings = make(map[uint64]weak.Pointer[holding])
		}
		l.holdings[number] = weak.Make(h)
		runtime.AddCleanup(h, func(number uint64) { go l.forgetHolding(number) }, number)
	}
	return h
}

func (l *link) forgetHolding(number uint64) {
	links.Lock()
	defer links.Unlock()
	if l.holdings[number].Value() == nil { // else there is another by now
		delete(l.holdings, number)
	}
}

// A transport takes calls to a broker: a *session in the broker's own process, else a *client.
type transport interface {
	// call does q. The answer's decoder belongs to the caller.
	call(ctx context.Context, q question) (*wire.Decoder, error)
	// invite adds to e what another process needs to reach the broker and have the object.
	invite(e *wire.Encoder, object uint64) error
	// hangUp is called when nothing here refers to the broker any more.
	hangUp()
	// broken says whether the broker cannot be reached any more.
	broken() bool
	// program says whether the broker's process is the same program as this one.
	program() bool
}

// A question is what a handle asks of a broker.
type question struct {
	op     byte
	object uint64
	args   *wire.Encoder // nil for none; its files are borrowed
	closed <-chan struct{}
}

// harmless says that nothing changes for anybody if the answer is lost. All other questions that
// are given up wait until the broker says what became of them.
func (q question) harmless() bool {
	switch q.op {
	case opReady, opJoin, opLoad, opState, opAll, opValue, opCall:
		return true
	}
	return false
}

// links are the ways to brokers that this process has, by the brokers' identity. It is a
// registry of the whole program.
var links struct {
	sync.Mutex
	byID map[[16]byte]*link
}

// join returns the link to the broker with the identity id, with one more reference: one that
// exists, else one over the transport that dial makes.
func join(id [16]byte, dial func() (transport, error)) (l *link, used bool, err error) {
	links.Lock()
	defer links.Unlock()
	if l := links.byID[id]; l != nil && !l.broken() {
		l.refs++
		return l, false, nil
	}
	c, err := dial()
	if err != nil {
		return nil, false, err
	}
	l = &link{transport: c, id: id, refs: 1}
	if links.byID == nil {
		links.byID = make(map[[16]byte]*link)
	}
	links.byID[id] = l
	return l, true, nil
}

// drop takes a reference away. With the last one, the link is closed.
func (l *link) drop() {
	links.Lock()
	l.refs--
	last := l.refs == 0
	if last && links.byID[l.id] == l {
		delete(links.byID, l.id)
	}
	links.Unlock()
	if last {
		l.hangUp()
	}
}

// peer is who values encoded for the broker are for: see remote.encode.
func (l *link) peer() any {
	if c, ok := l.transport.(*client); ok {
		return c.conn
	}
	return nil
}

func (l *link) retain() *link {
	links.Lock()
	defer links.Unlock()
	l.refs++
	return l
}

// A remote is a handle of something that a broker keeps. Every backend of the broker is one.
type remote struct {
	link    *link
	number  uint64
	closed  chan struct{}
	once    *sync.Once
	cleanup runtime.Cleanup

	word   atomic.Uint64 // of a variable, on the board; 0 if it is not known
	copied atomic.Pointer[copied]
}

// newRemote makes the handle of an object that the broker has counted already. It takes a
// reference of the link over.
func newRemote(l *link, number uint64) *remote {
	r := &remote{link: l, number: number, closed: make(chan struct{}), once: new(sync.Once)}
	once := r.once
	// The collector's goroutine must not wait for a broker.
	r.cleanup = runtime.AddCleanup(r, func(l *link) { go once.Do(func() { letGo(l, number) }) }, l)
	return r
}

// letGo tells the broker that a handle is gone.
func letGo(l *link, number uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), maxSilence)
	defer cancel()
	_, _ = l.call(ctx, question{op: opRelease, object: number})
	l.drop()
}

func (r *remote) detach() error {
	r.once.Do(func() {
		close(r.closed)
		r.cleanup.Stop()
		letGo(r.link, r.number)
	})
	return nil
}

func (r *remote) detached() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// ask asks the object. args may be nil.
func (r *remote) ask(ctx context.Context, op byte, args *wire.Encoder) (*wire.Decoder, error) {
	select {
	case <-r.closed:
		return nil, ErrClosed
	default:
	}
	d, err := r.link.call(ctx, question{op, r.number, args, r.closed})
	runtime.KeepAlive(r)
	runtime.KeepAlive(args) // and what it holds
	return d, err
}

// do asks for something that has no answer, and has numbers as arguments.
func (r *remote) do(ctx context.Context, op byte, numbers ...uint64) error {
	_, err := r.numbers(ctx, op, 0, numbers...)
	return err
}

// soon is do for methods without a context.
func (r *remote) soon(op byte, numbers ...uint64) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
	defer cancel()
	return r.do(ctx, op, numbers...)
}

// numbers asks for n numbers, and has numbers as arguments. The answer comes with
// ErrOwnerDied too.
func (r *remote) numbers(ctx context.Context, op byte, n int, numbers ...uint64) ([]uint64, error) {
	var args wire.Encoder
	for _, v := range numbers {
		args.Uint(v)
	}
	d, err := r.ask(ctx, op, &args)
	if err != nil && !errors.Is(err, ErrOwnerDied) {
		return nil, err
	}
	answer := make([]uint64, n)
	for i := range answer {
		v, bad := d.Uint()
		if bad != nil {
			return nil, bad
		}
		answer[i] = v
	}
	return answer, err
}

// errSilent is the end of a connection whose broker does not answer.
var errSilent = errors.New("ipc: the manager's process does not answer: it is stopped, or cannot be reached")

// encode appends what another process needs for a handle of its own.
func (r *remote) encode(e *wire.Encoder) error {
	select {
	case <-r.closed:
		return ErrClosed
	default:
	}
	way, _ := e.Peer.(*Conn)
	if k, ok := e.Peer.(keptBy); ok {
		if k.id != r.link.id {
			return errKept
		}
		way = k.way
	}
	e.Bytes = append(e.Bytes, byte(originBroker))
	e.Bytes = append(e.Bytes, r.link.id[:]...)
	e.Uint(r.number)
	e.Hold(r)
	if way != nil && !way.c.carriesFiles() {
		e.Bytes = append(e.Bytes, 0) // who gets it must know the manager
		return nil
	}
	e.Bytes = append(e.Bytes, 1)
	return r.link.invite(e, r.number)
}

// openRemote decodes a handle, behind the origin.
func openRemote(d *wire.Decoder) (*remote, error) {
	if len(d.Bytes) < 16 {
		return nil, wire.ErrMalformed
	}
	id := [16]byte(d.Bytes)
	d.Bytes = d.Bytes[16:]
	number, err1 := d.Uint()
	invited, err2 := d.Uint()
	if err := errors.Join(err1, err2); err != nil || invited > 1 {
		return nil, wire.ErrMalformed
	}
	if invited == 0 {
		return openKnown(id, number)
	}
	fd, err := d.TakeFile()
	if err != nil {
		return nil, err
	}
	nc, err := connOf(fd)
	if err != nil {
		return nil, err
	}
	guest := trusted(nc)
	if err := arrive(guest); err != nil {
		guest.Close()
		return nil, err
	}
	l, used, err := join(id, func() (transport, error) { return newClient(guest, id), nil })
	if err != nil {
		guest.Close()
		return nil, err
	}
	if used {
		return newRemote(l, number), nil // its session has the object already
	}
	defer guest.Close() // not before the link has the object
	return open(l, number)
}

// open asks for a handle of an object that is known by its number.
func open(l *link, number uint64) (*remote, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
	defer cancel()
	if _, err := l.call(ctx, question{op: opOpen, object: number}); err != nil {
		l.drop()
		return nil, err
	}
	return newRemote(l, number), nil
}

// openKnown opens what came over a connection that carries no descriptors.
func openKnown(id [16]byte, number uint64) (*remote, error) {
	l, _, err := join(id, func() (transport, error) { return nil, errUnknownManager })
	if err != nil {
		return nil, err
	}
	return open(l, number)
}

var errUnknownManager = errors.New("ipc: this came without a way to its manager: call DialManager in this process first")

// trusted makes the connection of a broker and its client, in which messages can be large.
func trusted(c net.Conn) *Conn {
	conn := newConn(newStream(c), true)
	conn.SetMaxMessage(maxBody)
	return conn
}

// arrive tells the broker that the process that a connection is for has it.
func arrive(guest *Conn) error {
	o := newOutgoing(kindAsk, 0)
	o.Bytes = append(o.Bytes, opArrive, 0)
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
	defer cancel()
	if err := guest.send(ctx, o); err != nil {
		return fmt.Errorf("ipc: the manager of this is gone: %w", err)
	}
	return nil
}
