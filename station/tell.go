package station

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// A SendOption changes how one mail is sent.
type SendOption func(*mailbox.Mail)

// ID names the mail. Mail with the ID of one that was sent to the same address
// before, within the time that the store remembers, is taken for the same and not
// delivered again.
func ID(id string) SendOption { return func(m *mailbox.Mail) { m.ID = id } }

// Flow names the piece of work that the mail is a step of. Mail that an actor
// sends while it handles mail of a flow belongs to that flow without being told.
func Flow(id string) SendOption { return func(m *mailbox.Mail) { m.Flow = id } }

// NewFlow is Flow with a name that nothing else has.
func NewFlow() SendOption { return Flow(rand.Text()) }

// Priority says which mail of an address goes first: [mailbox.High] before
// [mailbox.Normal] before [mailbox.Low].
func Priority(p mailbox.Priority) SendOption { return func(m *mailbox.Mail) { m.Priority = p } }

// Delay keeps the mail back for d. It waits in the store, and survives what other
// mail there survives.
func Delay(d time.Duration) SendOption {
	return func(m *mailbox.Mail) { m.Due = time.Now().Add(d) }
}

// At keeps the mail back until t.
func At(t time.Time) SendOption { return func(m *mailbox.Mail) { m.Due = t } }

// Expire makes the mail useless after d: if its turn comes later, it is not handled
// but becomes a dead letter.
func Expire(d time.Duration) SendOption {
	return func(m *mailbox.Mail) { m.Expires = time.Now().Add(d) }
}

// Tell sends mail to an address. When it returns nil the mail is in the store, as
// safe as that makes it, and will be handled whether or not anybody serves the
// address now. It waits for the store, and for room if the address is full and
// Options.Full is [troupe.Block]; ctx limits that, and tells who sends: within
// Handle, give it Handle's. Any goroutine may call it, whether the station runs
// or not. What is told one after the other arrives in that order.
//
// It returns troupe.ErrWrongType for a body that the address does not take;
// ErrNoPattern; troupe.ErrKilled if it is called by a handler that was fenced;
// what the codec says of a body that it cannot encode; and what
// [mailbox.Store.Put] returns. After an error of the store the mail may have been
// sent or not.
func Tell[T any](ctx context.Context, s *Station, address string, body T, opts ...SendOption) error {
	c := within(ctx)
	if c == nil && len(opts) == 0 && tellQuick(s, address, body) {
		return nil
	}
	m, route, err := envelope(s, c, address, body)
	if err != nil {
		return err
	}
	for _, o := range opts {
		o(&m)
	}
	return s.put(ctx, c, route, m)
}

// tellQuick puts a value into the box of an address that is served here.
func tellQuick[T any](s *Station, address string, body T) bool {
	r := s.run.Load()
	if r == nil {
		return false
	}
	res := r.residents.get(address)
	if res == nil || res.quick == nil || res.route.opts.Capacity > 0 {
		return false
	}
	if _, same := res.route.bind.(*bindingOf[T]); !same {
		return false
	}
	if err := res.quick.PutValue(body); err != nil {
		r.residents.forget(res)
		return false
	}
	return true
}

// Forward is Tell for work that only ever goes down the tree: the address must
// lie below the one that sends, or it returns ErrNotBelow. Outside of actors every
// address is below.
func Forward[T any](ctx context.Context, s *Station, address string, body T, opts ...SendOption) error {
	if c := within(ctx); c != nil && !strings.HasPrefix(address, c.r.address+"/") {
		return fmt.Errorf("%w: %s is not below %s", ErrNotBelow, address, c.r.address)
	}
	return Tell(ctx, s, address, body, opts...)
}

// TellAll tells body to all addresses below root that the station knows of: those
// of patterns without a wildcard, those that have mail, and those that have an
// actor. It returns how many it has told, and the first error.
func TellAll[T any](ctx context.Context, s *Station, root string, body T, opts ...SendOption) (told int, err error) {
	tree, err := s.Subtree(ctx, root)
	for _, n := range tree {
		route := s.table.Load().find(n.Address)
		if n.Address == root || route == nil || route.bind != nil && !route.bind.accepts(body) {
			continue
		}
		if e := Tell(ctx, s, n.Address, body, opts...); e != nil {
			if err == nil {
				err = e
			}
			continue
		}
		told++
	}
	return told, err
}

// envelope returns body as mail, and the route of its address; c is the mail in
// whose handling it is sent, if any.
func envelope[T any](s *Station, c *mailContext, address string, body T) (m mailbox.Mail, r *route, err error) {
	if r, err = s.routeTo(address); err != nil {
		return m, nil, err
	}
	if r != nil && r.bind != nil && !r.bind.accepts(body) {
		return m, nil, wrongType(address, r.bind.kind(), body)
	}
	m.Address = address
	if _, values := s.storeFor(r).(mailbox.ValueStore); values {
		m.Value = body
	} else if m.Encoding, m.Body, err = mailbox.Encode(s.codecFor(r), body); err != nil {
		return m, nil, fmt.Errorf("station: %s: %w", address, err)
	}
	if c != nil {
		m.From, m.Flow, m.Hop = c.r.address, c.flow, c.hop+1
	}
	if r != nil {
		m.Limit, m.Full = r.opts.Capacity, r.opts.Full
	}
	return m, r, nil
}

// routeTo returns the route of an address to send to. It is nil in a station
// without patterns, which sends anywhere.
func (s *Station) routeTo(address string) (*route, error) {
	t := s.table.Load()
	if r := t.find(address); r != nil || len(t.routes) == 0 {
		return r, nil
	}
	if err := mailbox.CheckAddress(address); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s", ErrNoPattern, address)
}

// put sends mail: at once, or together with everything else that an atomic handler
// does.
func (s *Station) put(ctx context.Context, c *mailContext, r *route, m mailbox.Mail) error {
	store := s.storeFor(r)
	if c != nil {
		if c.fenced() {
			return troupe.ErrKilled
		}
		if c.step != nil {
			return c.step.post(store, m)
		}
	}
	return store.Put(ctx, m)
}
