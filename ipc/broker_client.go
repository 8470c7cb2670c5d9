package ipc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
)

// A client is the connection of this process to a broker in another.
type client struct {
	conn   *Conn
	id     [16]byte
	number uint64                                   // of the session, once it is known
	dial   func(ctx context.Context) (*Conn, error) // makes another connection; nil if it is a socket pair
	ready  chan struct{}                            // closed when the broker has said who it is
	board  atomic.Pointer[board]                    // set before ready is closed, or never

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan<- reply
	guests  guests      // what goes to other processes, until it has arrived
	err     error       // why the broker cannot be reached any more
	gone    atomic.Bool // there is such an error
}

// A reply is an answer on its way to who asked.
type reply struct {
	answer *wire.Decoder
	err    error
}

// newClient makes a client over a connection to the broker id.
func newClient(conn *Conn, id [16]byte) *client {
	c := &client{
		conn: conn, id: id, ready: make(chan struct{}),
		waiting: make(map[uint64]chan<- reply), guests: make(guests),
	}
	registerErrors()
	go c.receive()
	return c
}

// receive hands answers to those who asked, until the connection ends.
func (c *client) receive() {
	for {
		m, err := c.conn.take(context.Background())
		if err != nil {
			c.fail(fmt.Errorf("ipc: the manager's process is gone: %w", err))
			return
		}
		err = c.handle(m)
		c.conn.giveBack()
		if err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *client) handle(m message) error {
	var r reply
	d := &wire.Decoder{Bytes: append([]byte(nil), m.body...), Files: m.files}
	switch m.kind {
	case kindWelcome:
		defer c.conn.rx.drop()
		return c.welcome(m)
	case kindAnswer:
		if len(d.Bytes) == 0 || d.Bytes[0] > 1 {
			return wire.ErrMalformed
		}
		if d.Bytes[0] == 1 {
			r.err = ErrOwnerDied
		}
		d.Bytes = d.Bytes[1:]
		r.answer = d
	case kindFail:
		r.err = decodeError(d)
	default:
		return errors.New("ipc: the manager sent what it has no reason to send")
	}
	c.conn.rx.drop()
	c.mu.Lock()
	to := c.waiting[m.tag]
	delete(c.waiting, m.tag)
	c.mu.Unlock()
	if to == nil {
		d.Close()
		return nil
	}
	to <- r
	return nil
}

// welcome is who the broker is, or that a guest has arrived.
func (c *client) welcome(m message) error {
	if len(m.body) > 0 {
		return c.introduced(m)
	}
	c.mu.Lock()
	guest := c.guests[m.tag].Value()
	delete(c.guests, m.tag)
	c.mu.Unlock()
	guest.close()
	return nil
}

func (c *client) introduced(m message) error {
	id, board, err := introduction(m)
	if err != nil {
		return err
	}
	select {
	case <-c.ready:
		return errors.New("ipc: the manager introduced itself twice")
	default:
	}
	if id != c.id {
		return errors.New("ipc: this is another manager than was to be expected")
	}
	c.number = m.tag
	c.board.Store(board)
	close(c.ready)
	return nil
}

// fail ends everything that waits for the broker.
func (c *client) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
		c.gone.Store(true)
	}
	err = c.err
	waiting, guests := c.waiting, c.guests
	c.waiting, c.guests = nil, nil
	c.mu.Unlock()
	c.conn.Close()
	c.board.Load().close()
	for _, to := range waiting {
		to <- reply{err: err}
	}
	for _, g := range guests {
		g.Value().close()
	}
}

func (c *client) broken() bool { return c.gone.Load() }

func (c *client) program() bool { return c.conn.native }

func (c *client) hangUp() { c.fail(ErrClosed) }

// expect prepares for an answer.
func (c *client) expect() (tag uint64, answer chan reply, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	c.last++
	answer = make(chan reply, 1)
	c.waiting[c.last] = answer
	return c.last, answer, nil
}

// forget gives up an answer that has not come.
func (c *client) forget(tag uint64) {
	c.mu.Lock()
	delete(c.waiting, tag)
	c.mu.Unlock()
}

func (c *client) call(ctx context.Context, q question) (*wire.Decoder, error) {
	tag, answer, err := c.expect()
	if err != nil {
		return nil, err
	}
	try := ctx.Err() != nil
	if err := c.ask(ctx, tag, q, try); err != nil {
		c.forget(tag)
		return nil, err
	}
	var done <-chan struct{}
	if !try {
		done = ctx.Done()
	}
	select {
	case r := <-answer:
		return r.result(ctx)
	case <-done:
		if q.harmless() {
			return nil, c.abandon(tag, context.Cause(ctx))
		}
		return c.giveUp(tag, answer, context.Cause(ctx))
	case <-q.closed:
		return c.giveUp(tag, answer, ErrClosed)
	}
}

func (r reply) result(ctx context.Context) (*wire.Decoder, error) {
	if errors.Is(r.err, errBusy) && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return r.answer, r.err
}

func (c *client) ask(ctx context.Context, tag uint64, q question, try bool) error {
	o := newOutgoing(kindAsk, tag)
	op := q.op
	if try {
		op |= opTry
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
		defer cancel()
	}
	o.Bytes = append(o.Bytes, op)
	o.Uint(q.object)
	if q.args != nil {
		o.Bytes = append(o.Bytes, q.args.Bytes...)
		o.Files = append(o.Files, q.args.Files...)
	}
	return c.conn.send(ctx, o)
}

// abandon tells the broker that the answer is not wanted any more, and does not wait for it.
func (c *client) abandon(tag uint64, why error) error {
	c.forget(tag)
	go func() {
		ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
		defer cancel()
		if err := c.conn.send(ctx, newOutgoing(kindCancel, tag)); err != nil {
			c.fail(err)
		}
	}()
	return why
}

// giveUp tells the broker that the answer is not wanted any more, and waits until it knows. If
// the answer was faster, it counts.
func (c *client) giveUp(tag uint64, answer <-chan reply, why error) (*wire.Decoder, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
	defer cancel()
	if err := c.conn.send(ctx, newOutgoing(kindCancel, tag)); err != nil {
		c.fail(err)
		return nil, why
	}
	select {
	case r := <-answer:
		if r.answer == nil {
			return nil, why
		}
		return r.answer, r.err
	case <-ctx.Done():
		c.fail(errSilent)
		return nil, why
	}
}
