package mailbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/troupe-go/troupe"
)

// A Place is one address of a Store as the mailbox of a process:
//
//	orders := &mailbox.Place[order]{Store: store, Address: "/orders"}
//	troupe.Spawn(self, body, troupe.Mailbox(orders))
//
// It is a [troupe.Box]: what is sent to the process waits at the address, in the
// store, and is handled by whatever process has the Place next if this one ends
// before. Mail that anybody puts to the address reaches the process too. Its
// methods may be called by any goroutine; its fields must not be changed after
// the first call. A Place must not be copied.
type Place[M any] struct {
	Store   Store
	Address string
	Codec   Codec // of bodies; nil is JSON

	// Deliveries is how often mail is delivered before it becomes a dead
	// letter. Zero is DefaultDeliveries, less than zero is without end.
	Deliveries int

	// Limit and Full are those of the mail that is sent; see [Mail].
	Limit int
	Full  troupe.Overflow

	once sync.Once
	turn chan struct{} // whoever has put a token into it serves
}

// DefaultDeliveries is how often a [Place] delivers mail before it gives it up.
const DefaultDeliveries = 10

// Mail returns body as mail to the address, for a [Store.Put] with an ID, a due
// time or a priority. The error says why body cannot be encoded.
func (p *Place[M]) Mail(body M) (Mail, error) {
	m := Mail{Address: p.Address, Limit: p.Limit, Full: p.Full}
	if _, ok := p.Store.(ValueStore); ok {
		m.Value = body
		return m, nil
	}
	var err error
	m.Encoding, m.Body, err = Encode(p.Codec, body)
	return m, err
}

// Put puts body to the address, urgent mail with High priority. It returns what
// Mail and [Store.Put] return.
func (p *Place[M]) Put(ctx context.Context, body M, urgent bool) error {
	m, err := p.Mail(body)
	if err != nil {
		return err
	}
	if urgent {
		m.Priority = High
	}
	return p.Store.Put(ctx, m)
}

// Serve is for [troupe.Mailbox]; see [troupe.Box]. It returns what Next, Fetch and
// Flush return.
func (p *Place[M]) Serve(ctx context.Context, deliver func(troupe.Kept[M])) (err error) {
	p.once.Do(func() { p.turn = make(chan struct{}, 1) })
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil
	}
	session, err := p.Store.Serve(context.WithoutCancel(ctx), Serving{Accept: func(a string) bool { return a == p.Address }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for {
		box, err := session.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		s := placeService[M]{p: p, box: box, deliver: deliver, woken: make(chan struct{}, 1)}
		if err := s.run(ctx); err != nil {
			return err
		}
	}
}

// A placeService is a Place in possession of its box.
type placeService[M any] struct {
	p       *Place[M]
	box     Box
	deliver func(troupe.Kept[M])
	woken   chan struct{} // a token: Fetch may be worth while, or something was settled

	mu  sync.Mutex
	out int // delivered and not settled
}

// run hands out mail until ctx ends, or the box is not this service's any more.
func (s *placeService[M]) run(ctx context.Context) error {
	var buf [DefaultWindow]Delivery
	stopped := false
	for {
		n, err := s.box.Fetch(buf[:], s.wake)
		switch {
		case errors.Is(err, ErrLost):
			return nil // to Next, which waits for the box
		case errors.Is(err, ErrStopped):
			stopped = true
		case err != nil:
			return err
		}
		for i := range buf[:n] {
			s.hand(&buf[i])
		}
		if stopped && s.unsettled() == 0 {
			return ignoreLost(s.box.Release(0))
		}
		if n > 0 {
			continue
		}
		select {
		case <-s.woken:
		case <-s.box.Lost():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func ignoreLost(err error) error {
	if errors.Is(err, ErrLost) {
		return nil
	}
	return err
}

func (s *placeService[M]) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

func (s *placeService[M]) unsettled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out
}

// hand delivers d, unless it is dead.
func (s *placeService[M]) hand(d *Delivery) {
	limit := s.p.Deliveries
	if limit == 0 {
		limit = DefaultDeliveries
	}
	body, why := s.read(d)
	switch {
	case why == nil && limit > 0 && d.Count > limit:
		why = fmt.Errorf("mailbox: it was delivered %d times, and nobody said what became of it", d.Count-1)
	case why == nil && !d.Expires.IsZero() && time.Now().After(d.Expires):
		why = errors.New("mailbox: it expired")
	}
	key, last := d.Key, limit > 0 && d.Count >= limit
	if why != nil {
		s.settle(key, why, true)
		return
	}
	s.mu.Lock()
	s.out++
	s.mu.Unlock()
	s.deliver(troupe.Kept[M]{Body: body, Redelivered: d.Redelivered(), Urgent: d.Priority == High, Settle: func(reason error) {
		s.settle(key, reason, last)
		s.mu.Lock()
		s.out--
		s.mu.Unlock()
		s.wake()
	}})
}

// settle tells the store what became of mail. An error means that the box has
// got another owner, or the store has been closed: the mail comes again.
func (s *placeService[M]) settle(key uint64, reason error, last bool) {
	o := Outcome{Key: key}
	switch {
	case reason == nil:
	case last:
		o.Verdict, o.Reason = Dead, reason.Error()
	default:
		o.Verdict = Retry
	}
	_ = s.box.Settle([]Outcome{o})
}

func (s *placeService[M]) read(d *Delivery) (M, error) {
	if d.Value == nil {
		return Decode[M](s.p.Codec, d.Encoding, d.Body)
	}
	body, ok := d.Value.(M)
	if !ok {
		return body, fmt.Errorf("mailbox: the mail is a %T, and not a %T", d.Value, body)
	}
	return body, nil
}
