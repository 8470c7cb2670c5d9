package ipc

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// A session is a process as its broker sees it.
type session struct {
	b      *broker
	number uint64
	conn   *Conn // nil for the broker's own process
	ctx    context.Context
	cancel context.CancelFunc
	board  *board // what it was introduced to

	// Guarded by the broker's lock.
	refs    map[*entry]int
	ended   bool
	pending map[uint64]context.CancelFunc // calls that wait, by their tag
	arrived func()                        // tells who invited the process that it has come
}

// newSession adds a process. conn is nil for the broker's own.
func (b *broker) newSession(conn *Conn) (*session, error) {
	s := &session{b: b, conn: conn, refs: make(map[*entry]int), pending: make(map[uint64]context.CancelFunc)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	b.last++
	s.number = b.last
	b.sessions[s.number] = s
	if conn != nil {
		if conn.native && conn.c.carriesFiles() {
			if b.board == nil {
				b.board = newBoard()
			}
			s.board = b.board
		}
		b.all.Go(s.serve)
	}
	return s, nil
}

// end is the death of the process, as far as the broker is concerned.
func (s *session) end() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.cancel()
	if s.conn != nil {
		s.conn.Close()
	}
	delete(s.b.sessions, s.number)
	for e := range s.refs {
		e.leave(s)
		s.b.drop(e)
	}
	clear(s.refs)
	if s.arrived != nil {
		s.arrived()
		s.arrived = nil
	}
}

// serve answers the process's questions until its connection ends.
func (s *session) serve() {
	defer s.end()
	welcome := newOutgoing(kindWelcome, s.number)
	welcome.Bytes = append(welcome.Bytes, s.b.id[:]...)
	s.board.encode(&welcome.Encoder)
	if s.conn.send(context.Background(), welcome) != nil {
		return
	}
	for {
		m, err := s.conn.take(context.Background())
		if err != nil {
			return
		}
		err = s.receive(m)
		s.conn.giveBack()
		if err != nil {
			return
		}
	}
}

// receive handles one message. The turn to receive is held.
func (s *session) receive(m message) error {
	switch m.kind {
	case kindCancel:
		s.b.mu.Lock()
		if cancel := s.pending[m.tag]; cancel != nil {
			cancel()
		}
		s.b.mu.Unlock()
		s.conn.rx.drop()
		return nil
	case kindAsk:
		return s.ask(m)
	default:
		return errors.New("ipc: a client sent what it has no reason to send")
	}
}

// ask answers a question, at once if that is possible, else from a goroutine of its own.
func (s *session) ask(m message) error {
	c, err := s.newCall(s.ctx, m.body, m.files)
	if err != nil {
		return err
	}
	switch c.op {
	case opInvite, opGuest, opArrive:
		err = s.introduce(c, m.tag)
		c.args.Close()
		s.conn.rx.drop()
		return err
	}
	try := c.ctx == noWait
	c.inline = true
	err = s.b.do(c)
	if !errors.Is(err, errWouldBlock) || try {
		s.conn.rx.drop()
		return s.reply(c, m.tag, err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	again, err := s.newCall(ctx, append([]byte(nil), m.body...), c.args.Files)
	s.conn.rx.drop()
	if err != nil {
		cancel()
		return err
	}
	s.b.mu.Lock()
	s.pending[m.tag] = cancel
	s.b.mu.Unlock()
	s.b.all.Go(func() {
		err := s.b.do(again)
		cancel()
		s.b.mu.Lock()
		delete(s.pending, m.tag)
		s.b.mu.Unlock()
		if s.reply(again, m.tag, err) != nil {
			s.end()
		}
	})
	return nil
}

// newCall reads a question.
func (s *session) newCall(ctx context.Context, body []byte, files []int) (*call, error) {
	c := &call{s: s, b: s.b, ctx: ctx, args: wire.Decoder{Bytes: body, Files: files}}
	if len(body) == 0 {
		return nil, wire.ErrMalformed
	}
	c.op = body[0] &^ opTry
	if body[0]&opTry != 0 {
		c.ctx = noWait
	}
	c.args.Bytes = body[1:]
	c.answer.Peer = s.conn
	var err error
	c.number, err = c.args.Uint()
	return c, err
}

// opTry is the bit of an operation that must not wait.
const opTry = 0x80

// reply sends the answer, or the error, or both: ErrOwnerDied comes with an answer.
func (s *session) reply(c *call, tag uint64, err error) error {
	c.args.Close() // what nobody took
	kind := kindAnswer
	if err != nil && !errors.Is(err, ErrOwnerDied) {
		kind = kindFail
	}
	o := newOutgoing(kind, tag)
	switch {
	case kind == kindFail:
		encodeError(&o.Encoder, err)
	case err != nil:
		o.Bytes = append(o.Bytes, 1)
	default:
		o.Bytes = append(o.Bytes, 0)
	}
	if kind == kindAnswer {
		o.Bytes = append(o.Bytes, c.answer.Bytes...)
		o.Files = append(o.Files, c.answer.Files...)
	}
	err = s.conn.send(context.Background(), o)
	(&wire.Decoder{Files: c.answer.Files}).Close()
	if err == nil || s.ctx.Err() != nil || errors.Is(err, ErrPeerClosed) || errors.Is(err, ErrClosed) {
		return err
	}
	o = newOutgoing(kindFail, tag) // such as an answer that is too large
	encodeError(&o.Encoder, err)
	return s.conn.send(context.Background(), o)
}

// introduce handles what concerns connections for other processes.
func (s *session) introduce(c *call, tag uint64) error {
	switch c.op {
	case opArrive:
		s.b.mu.Lock()
		defer s.b.mu.Unlock()
		if s.arrived != nil {
			s.arrived()
			s.arrived = nil
		}
		return nil
	case opGuest: // this connection is for another process, and who made it is here already
		host, err1 := c.args.Uint()
		tag, err2 := c.args.Uint()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		s.b.mu.Lock()
		h := s.b.sessions[host]
		if h != nil && h.conn == nil {
			h = nil // the broker's own process makes no guests this way
		}
		s.b.mu.Unlock()
		return s.reply(c, tag, s.b.admit(s, h, c.number, func() { s.b.all.Go(func() { h.told(tag) }) }))
	}
	fd, err := c.args.TakeFile()
	if err != nil {
		return err
	}
	nc, err := connOf(fd)
	if err != nil {
		return nil // the guest sees an end of file
	}
	guest, err := s.b.newSession(trusted(nc))
	if err != nil {
		nc.Close()
		return err
	}
	if s.b.admit(guest, s, c.number, func() { s.b.all.Go(func() { s.told(tag) }) }) != nil {
		guest.end()
	}
	return nil
}

// admit gives a guest a handle of an object of its host. When it has arrived, or is gone, told
// is called, with the lock held.
func (b *broker) admit(guest, host *session, number uint64, told func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.objects[number]
	if e == nil || host == nil || host.refs[e] == 0 || guest.ended || guest.arrived != nil {
		return errGone
	}
	b.hold(e, guest)
	guest.arrived = told
	return nil
}

// told tells a client that its guest has arrived, so that it closes its own descriptor.
func (s *session) told(tag uint64) {
	ctx, cancel := context.WithTimeout(s.ctx, maxSilence)
	defer cancel()
	if s.conn.send(ctx, newOutgoing(kindWelcome, tag)) != nil {
		s.end()
	}
}

// maxSilence is how long something may take that has no context of its own: an unlock through a
// connection, the answer to a call that was given up. After that the connection is dead.
const maxSilence = 10 * time.Second

// encodeError encodes an error, with its identity if it is one that is known.
func encodeError(e *wire.Encoder, err error) {
	codec, failed := wire.For[error]()
	if failed == nil {
		failed = codec.Encode(e, err)
	}
	if failed != nil {
		_ = codec.Encode(e, errors.New(err.Error()))
	}
}

func decodeError(d *wire.Decoder) error {
	codec, err := wire.For[error]()
	if err != nil {
		return err
	}
	failure, err := codec.Decode(d)
	if err != nil || failure == nil {
		return errors.Join(err, wire.ErrMalformed)
	}
	return failure
}
