package ipc

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"
	"weak"

	"github.com/troupe-go/troupe/internal/wire"
)

// A guest is a connection to a broker that is made for another process, and goes there inside of
// a message. This process has it open until the message has been sent: until then the message's
// encoder refers to it, and afterwards nobody but the collector, which closes it. When the broker
// says that the guest has arrived it is closed at once. So a message that is never sent, or goes
// to nobody, leaves no descriptor open for long.
type guest struct{ io.Closer }

// guests are those that have not arrived, by their tags.
type guests map[uint64]weak.Pointer[guest]

// close closes a guest, which may be nil.
func (g *guest) close() {
	if g != nil {
		g.Close()
	}
}

// travel says that a guest goes along with what e encodes.
func (g *guest) travel(e *wire.Encoder) {
	e.Hold(g)
	if runtime.GOOS == "darwin" { // which can lose what is on its way when its sender closes it
		time.AfterFunc(maxSilence, func() { runtime.KeepAlive(g) })
	}
}

// addGuest makes a guest of conn; see removeGuest if it comes to nothing.
func (c *client) addGuest(conn io.Closer) (g *guest, tag uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		conn.Close()
		return nil, 0, c.err
	}
	c.last++
	tag = c.last
	g = &guest{conn}
	c.guests[tag] = weak.Make(g)
	runtime.AddCleanup(g, func(tag uint64) { go c.removeGuest(tag) }, tag)
	return g, tag, nil
}

func (c *client) removeGuest(tag uint64) {
	c.mu.Lock()
	g := c.guests[tag].Value()
	delete(c.guests, tag)
	c.mu.Unlock()
	g.close()
}

// invite makes a connection for another process, which goes along with a message.
func (c *client) invite(e *wire.Encoder, object uint64) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxSilence, errSilent)
	defer cancel()
	if !c.conn.c.carriesFiles() {
		return c.inviteByDial(ctx, e, object)
	}
	ours, theirs, err := socketPairRaw()
	if err != nil {
		return err
	}
	defer ours.Close()
	g, tag, err := c.addGuest(theirs)
	if err != nil {
		return err
	}
	o := newOutgoing(kindAsk, tag)
	o.Bytes = append(o.Bytes, opInvite)
	o.Uint(object)
	if err = newStream(ours).raw.borrow(&o.Encoder); err == nil {
		err = c.conn.send(ctx, o)
	}
	if err == nil {
		err = newStream(theirs).raw.borrow(e)
	}
	if err != nil {
		c.removeGuest(tag)
		return err
	}
	g.travel(e)
	return nil
}

// inviteByDial is invite over a network.
func (c *client) inviteByDial(ctx context.Context, e *wire.Encoder, object uint64) error {
	if c.dial == nil {
		return errors.New("ipc: this handle of a manager in the network came from another process, and cannot go further: call DialManager")
	}
	select {
	case <-c.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	if conn.c.raw == nil {
		conn.Close()
		return errors.New("ipc: a handle of a manager that is reached over TLS cannot be given to another process: call DialManager there")
	}
	g, tag, err := c.addGuest(conn)
	if err != nil {
		return err
	}
	o := newOutgoing(kindAsk, tag)
	o.Bytes = append(o.Bytes, opGuest)
	o.Uint(object)
	o.Uint(c.number)
	o.Uint(tag)
	err = conn.send(ctx, o)
	if err == nil {
		err = c.checkWelcome(ctx, conn)
	}
	if err == nil {
		err = conn.c.raw.borrow(e)
	}
	if err != nil {
		c.removeGuest(tag)
		return err
	}
	g.travel(e)
	return nil
}

// checkWelcome waits until the broker has let a guest in, and leaves nothing unread.
func (c *client) checkWelcome(ctx context.Context, guest *Conn) error {
	for _, kind := range []byte{kindWelcome, kindAnswer} {
		m, err := guest.take(ctx)
		if err != nil {
			return err
		}
		switch m.kind {
		case kind:
		case kindFail:
			err = decodeError(&wire.Decoder{Bytes: m.body})
		default:
			err = wire.ErrMalformed
		}
		guest.rx.drop()
		guest.giveBack()
		if err != nil {
			return err
		}
	}
	return nil
}
