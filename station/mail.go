package station

import (
	"context"
	"strings"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Mail is a message as the actor of its address gets it.
type Mail[T any] struct {
	Body     T                // what it says
	Address  string           // whom it is for
	From     string           // the address of the actor that sent it, "" if no actor did
	ID       string           // see [ID]
	Flow     string           // names the piece of work that it is a step of; see [Flow]
	Hop      int              // how many actors that work came through before
	Count    int              // how many times it may have been delivered, this time included
	Priority mailbox.Priority // see [Priority]
	Put      time.Time        // when it was sent

	pattern *pattern
	asked   *question
}

// Param returns what a wildcard of the pattern stands for in the address: for
// "/cart/{id}" and "/cart/42", Param("id") is "42". It returns "" for a wildcard
// that the pattern does not have.
func (m Mail[T]) Param(name string) string {
	if m.pattern == nil {
		return ""
	}
	return m.pattern.value(m.Address, name)
}

// Redelivered reports whether the mail may have been handled before, wholly or in
// part.
func (m Mail[T]) Redelivered() bool { return m.Count > 1 }

// Child returns the address of a child: "/shop" has the child "/shop/cart".
func (m Mail[T]) Child(name string) string { return m.Address + "/" + name }

// Parent returns the address that the mail's lies below, "" if there is none.
func (m Mail[T]) Parent() string { return Parent(m.Address) }

// IsQuestion reports whether somebody waits for an answer; see [Ask].
func (m Mail[T]) IsQuestion() bool { return m.asked != nil }

// Reply answers a question. It must be called before Handle returns, and answers
// once: after that, and for mail that is no question, it returns ErrNoQuestion.
// That the asker does not wait any more is no error. It returns what the codec
// says of an answer that it cannot encode.
func (m Mail[T]) Reply(ctx context.Context, answer any) error {
	if m.asked == nil {
		return ErrNoQuestion
	}
	return m.asked.reply(ctx, answer)
}

// Parent returns the address that address lies below: that of "/shop/cart" is
// "/shop", that of "/shop" is "".
func Parent(address string) string {
	return address[:max(strings.LastIndexByte(address, '/'), 0)]
}

// A mailContext is the context of one mail, or of several that do not differ in
// what it holds. Mail that is sent with it comes from its address.
type mailContext struct {
	context.Context // the hand's
	hand            *hand
	r               *resident
	flow            string
	hop             int
	step            *step // of an atomic handler
}

type mailKey struct{}

// Value returns the mail that the context belongs to, and else what the process does.
func (c *mailContext) Value(key any) any {
	if key == (mailKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// within returns the mail that ctx belongs to, nil outside of actors.
func within(ctx context.Context) *mailContext {
	c, _ := ctx.Value(mailKey{}).(*mailContext)
	return c
}

// fenced reports whether the handler has been given up: nothing that it does is
// to be seen by others.
func (c *mailContext) fenced() bool { return c.hand.at.Load() == fenced }
