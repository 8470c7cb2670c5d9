package ipc

import (
	"context"
	"errors"
	"sync"
	"weak"

	"github.com/troupe-go/troupe/internal/wire"
)

// The broker's own process needs no connection: its session is its transport.

func (s *session) call(ctx context.Context, q question) (*wire.Decoder, error) {
	c := &call{op: q.op, number: q.object, files: filesBorrowed, s: s, ctx: ctx, closed: q.closed}
	if q.args != nil {
		c.args = wire.Decoder{Bytes: q.args.Bytes, Files: q.args.Files}
	}
	err := s.b.do(c)
	answer := &wire.Decoder{Bytes: c.answer.Bytes, Files: c.answer.Files}
	if err != nil && !errors.Is(err, ErrOwnerDied) {
		answer.Close()
		return nil, err
	}
	return answer, err
}

func (s *session) invite(e *wire.Encoder, object uint64) error {
	ours, theirs, err := socketPairRaw()
	if err != nil {
		return err
	}
	session, err := s.b.newSession(trusted(ours))
	if err != nil {
		ours.Close()
		theirs.Close()
		return err
	}
	g := &guest{theirs}
	w := weak.Make(g)
	err = s.b.admit(session, s, object, func() { w.Value().close() })
	if err == nil {
		err = newStream(theirs).raw.borrow(e)
	}
	if err != nil {
		theirs.Close()
		session.end()
		return err
	}
	g.travel(e)
	return nil
}

func (s *session) hangUp() {}

func (s *session) broken() bool {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return s.ended || s.b.closed
}

func (s *session) program() bool { return true }

// newLocal makes a broker in this process, and the link to it.
func newLocal() (*broker, *link) {
	b := newBroker()
	s, _ := b.newSession(nil)
	l, _, _ := join(b.id, func() (transport, error) { return s, nil })
	return b, l
}

// home is the link to a broker in this process, which stands in for shared memory where there
// is none. It stays until the process ends.
var home = sync.OnceValue(func() *link {
	_, l := newLocal()
	return l
})
