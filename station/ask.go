package station

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// Ask sends a question to an address and waits for the answer that its handler
// gives with [Mail.Reply]. It ends at the earliest of: the answer; the handler's
// failure, which is not tried again; the end of ctx, with its cause; limit that
// with context.WithTimeout, for a question to an address that is stopped waits. A
// question that ctx's end overtakes is not handled any more.
//
// A handler that fails gives its error, as a *RemoteError if it comes from a
// store that keeps bytes. ErrNoAnswer says that it returned nil without a Reply;
// an A of [troupe.None] is content with that. ErrAsksItself and
// mailbox.ErrUnsupported (a store that carries no answers) come at once; so does
// what [Tell] returns. Any goroutine may call it; within Handle give it Handle's
// ctx.
func Ask[Q, A any](ctx context.Context, s *Station, address string, question Q, opts ...SendOption) (A, error) {
	var none A
	c := within(ctx)
	m, route, err := envelope(s, c, address, question)
	if err != nil {
		return none, err
	}
	if c != nil {
		if c.r.address == address && c.r.route.opts.Parallel == 1 {
			return none, fmt.Errorf("%w: %s", ErrAsksItself, address)
		}
		if c.fenced() {
			return none, troupe.ErrKilled
		}
	}
	for _, o := range opts {
		o(&m)
	}
	if deadline, ok := ctx.Deadline(); ok && m.Expires.IsZero() {
		m.Expires = deadline
	}
	answer, err := s.await(ctx, c, s.storeFor(route), m)
	if err != nil {
		return none, err
	}
	return answerOf[A](s.codecFor(route), address, answer)
}

// await sends a question and waits for its answer.
func (s *Station) await(ctx context.Context, c *mailContext, store mailbox.Store, m mailbox.Mail) (mailbox.Answer, error) {
	desk, err := s.desks.at(store)
	if err != nil {
		return mailbox.Answer{}, err
	}
	key, answers := desk.open()
	defer desk.close(key)
	m.ReplyTo = key + "@" + desk.replyTo
	if err := store.Put(ctx, m); err != nil {
		return mailbox.Answer{}, err
	}
	if c != nil { // its hand does not count meanwhile
		c.hand.run.uncount()
		defer c.hand.run.recount()
	}
	select {
	case a := <-answers:
		return a, nil
	case <-ctx.Done():
		return mailbox.Answer{}, context.Cause(ctx)
	}
}

// answerOf reads an answer.
func answerOf[A any](codec mailbox.Codec, address string, a mailbox.Answer) (A, error) {
	var none A
	if e, ok := a.Value.(failed); ok {
		return none, e.error
	}
	if a.Err != "" {
		return none, &RemoteError{address, a.Err}
	}
	if a.Value == nil && a.Encoding == "" {
		if reflect.TypeFor[A]() == reflect.TypeFor[troupe.None]() {
			return none, nil
		}
		return none, fmt.Errorf("%w (%s)", ErrNoAnswer, address)
	}
	if a.Encoding != "" {
		return mailbox.Decode[A](codec, a.Encoding, a.Body)
	}
	answer, ok := a.Value.(A)
	if !ok {
		return none, fmt.Errorf("%w: %s answers with a %T, not a %v", troupe.ErrWrongType, address, a.Value, reflect.TypeFor[A]())
	}
	return answer, nil
}

// failed is an error as an answer, in a store that keeps values.
type failed struct{ error }

// askDesks are the places, one for each store, where answers come in. They are
// opened when something is asked first, and stay as long as the store.
type askDesks struct {
	mu sync.Mutex
	m  map[mailbox.Store]*askDesk
}

type askDesk struct {
	replyTo string
	mu      sync.Mutex
	last    uint64
	waiting map[string]chan mailbox.Answer
}

func (d *askDesks) at(store mailbox.Store) (*askDesk, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if desk := d.m[store]; desk != nil {
		return desk, nil
	}
	carrier, ok := store.(mailbox.Answers)
	if !ok {
		return nil, fmt.Errorf("station: answers: %w", mailbox.ErrUnsupported)
	}
	desk := &askDesk{waiting: make(map[string]chan mailbox.Answer)}
	var err error
	if desk.replyTo, err = carrier.Listen(context.Background(), desk.take); err != nil {
		return nil, err
	}
	if d.m == nil {
		d.m = make(map[mailbox.Store]*askDesk)
	}
	d.m[store] = desk
	return desk, nil
}

// open makes a place for one answer.
func (d *askDesk) open() (key string, answers chan mailbox.Answer) {
	answers = make(chan mailbox.Answer, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	key = strconv.FormatUint(d.last, 36)
	d.waiting[key] = answers
	return key, answers
}

func (d *askDesk) close(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waiting, key)
}

// take is called with each answer. One that nobody waits for, or the second to
// the same question, is passed over.
func (d *askDesk) take(a mailbox.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if answers := d.waiting[a.Question]; answers != nil {
		delete(d.waiting, a.Question)
		answers <- a
	}
}

// A question is mail that somebody waits for the answer to.
type question struct {
	carrier mailbox.Answers
	codec   mailbox.Codec
	values  bool
	key, to string

	mu       sync.Mutex
	answered bool
	holds    bool            // answers wait for close: the step of an atomic handler must be written first
	held     *mailbox.Answer // the one that waits
}

// questionOf returns a delivery as a question; nil if it is none.
func questionOf(s *Station, res *resident, d *delivery) *question {
	if !isQuestion(d) {
		return nil
	}
	key, to, ok := strings.Cut(d.Rest.ReplyTo, "@")
	carrier, can := s.storeFor(res.route).(mailbox.Answers)
	if !ok || !can {
		return nil
	}
	return &question{carrier: carrier, codec: res.route.opts.Codec, values: res.route.values, key: key, to: to}
}

func isQuestion(d *delivery) bool { return d.Rest != nil && d.Rest.ReplyTo != "" }

// reply answers the question.
func (q *question) reply(ctx context.Context, answer any) error {
	a := mailbox.Answer{Question: q.key}
	if q.values {
		a.Value = answer
	} else {
		var err error
		if a.Encoding, a.Body, err = mailbox.Encode(q.codec, answer); err != nil {
			return err
		}
	}
	if c := within(ctx); c != nil && c.fenced() {
		return troupe.ErrKilled
	}
	return q.send(ctx, a)
}

// hold makes answers wait for close.
func (q *question) hold() {
	if q != nil {
		q.holds = true
	}
}

func (q *question) send(ctx context.Context, a mailbox.Answer) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.answered || q.held != nil {
		return ErrNoQuestion
	}
	if q.holds {
		q.held = &a
		return nil
	}
	if err := q.carrier.Answer(ctx, q.to, a); err != nil {
		return err
	}
	q.answered = true
	return nil
}

// close is the end of a question's handling: one that its handler has left
// without an answer gets one that says so.
func (q *question) close(err error) {
	if q == nil {
		return
	}
	q.mu.Lock()
	a := mailbox.Answer{Question: q.key}
	if err == nil && q.held != nil {
		a = *q.held
	}
	q.holds, q.held = false, nil
	q.mu.Unlock()
	if err != nil && !errors.Is(err, troupe.Stop) {
		a.Err = err.Error()
		if q.values {
			a.Value = failed{err}
		}
	}
	_ = q.send(context.Background(), a) // if it is lost, the asker waits until its context ends
}
