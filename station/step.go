package station

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/troupe-go/troupe/mailbox"
)

// A step is what an atomic handler does: everything in it is written at once when
// the handler has returned nil, and nothing otherwise.
type step struct {
	res  *resident
	book mailbox.Ledger // nil if the store cannot do it

	mu    sync.Mutex
	mail  []mailbox.Mail
	state []byte
	set   bool
	over  bool
}

var errNoLedger = errors.New("station: the store of this address keeps no state: an atomic actor needs one whose boxes are mailbox.Ledgers, such as mailbox/bolt")

func newStep(res *resident) *step {
	book, _ := res.box.(mailbox.Ledger)
	return &step{res: res, book: book}
}

// post adds outgoing mail.
func (p *step) post(store mailbox.Store, m mailbox.Mail) error {
	if store != p.res.run.station.storeFor(p.res.route) {
		return fmt.Errorf("%w: %s", ErrOtherStore, m.Address)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errOver
	}
	p.mail = append(p.mail, m)
	return nil
}

var errOver = errors.New("station: the step is over: an atomic handler must send and save before it returns")

// commit writes the step. The delivery is acknowledged with it.
func (p *step) commit(d *delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.book == nil {
		return errNoLedger
	}
	return p.book.Commit(context.WithoutCancel(p.res.run.self), mailbox.Commit{
		Outcomes: []mailbox.Outcome{{Key: d.Key}}, Mail: p.mail, State: p.state, SetState: p.set,
	})
}

// stepOf returns the step that ctx belongs to.
func stepOf(ctx context.Context) (*step, error) {
	c := within(ctx)
	switch {
	case c == nil || c.step == nil:
		return nil, ErrNoStep
	case c.step.book == nil:
		return nil, errNoLedger
	}
	return c.step, nil
}

// Load returns the state that the actor of this address saved last, in this step
// or an earlier one, perhaps before the program was started; found is false if
// there is none. ctx is the one that an actor with [Options.Atomic] was given by
// Handle or Start. It returns ErrNoStep for any other; an error if the state is
// not an S; and what the store returns.
func Load[S any](ctx context.Context) (state S, found bool, err error) {
	p, err := stepOf(ctx)
	if err != nil {
		return state, false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	raw := p.state
	if !p.set {
		if raw, err = p.book.State(ctx); err != nil {
			return state, false, err
		}
	}
	if len(raw) == 0 {
		return state, false, nil
	}
	var saved savedState
	if err := saved.read(raw); err != nil {
		return state, false, err
	}
	state, err = mailbox.Decode[S](p.res.route.opts.Codec, saved.encoding, saved.body)
	return state, err == nil, err
}

// Save makes state that of the address, in one step with all else that the handler
// does: it counts when Handle has returned nil. Errors are those of [Load], and
// what the codec says of a state that it cannot encode.
func Save[S any](ctx context.Context, state S) error {
	p, err := stepOf(ctx)
	if err != nil {
		return err
	}
	encoding, body, err := mailbox.Encode(p.res.route.opts.Codec, state)
	if err != nil {
		return err
	}
	return p.save(savedState{encoding, body}.append(nil))
}

// Forget removes the state of the address, as Save sets it.
func Forget(ctx context.Context) error {
	p, err := stepOf(ctx)
	if err != nil {
		return err
	}
	return p.save(nil)
}

func (p *step) save(state []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errOver
	}
	p.state, p.set = state, true
	return nil
}

// savedState is a state as it is kept: the length of its encoding's name, that
// name, and the rest.
type savedState struct {
	encoding string
	body     []byte
}

func (s savedState) append(b []byte) []byte {
	b = append(b, byte(len(s.encoding)))
	b = append(b, s.encoding...)
	return append(b, s.body...)
}

func (s *savedState) read(b []byte) error {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return errors.New("station: what is kept as the state of the address is none")
	}
	s.encoding, s.body = string(b[1:1+b[0]]), b[1+b[0]:]
	return nil
}
