package match

import (
	"strconv"
	"time"
)

// A Clause is a pattern and the handler for what fits it. Clauses are made by
// [Case], [Case1] and the other functions whose names begin with Case, by
// [CatchAll], and by [OnDown], [OnExit], [OnNodeDown] and [OnTimeout].
//
// A handler runs in the process that serves the clause, one message at a time.
// The error that it returns ends the process and is the reason of its end;
// troupe.Stop is a normal one. After nil the process waits for the next message.
//
// A Clause never changes, may be used by several receivers at once, and has a
// String method that shows its pattern. The zero Clause matches nothing.
//
// A clause is paragram's pair of a pattern and a handler. There a handler gets
// every part of the message as it is; here it gets them with their types.
type Clause struct {
	kind  kind
	parts int    // how many parts a message must have; at least, if rest
	rest  bool   // more parts may follow
	keyed bool   // the first pattern is Is(key)
	key   string // what the first part must be
	text  string

	run   handler
	hear  func(from any, reason error) error // of an event; from is a troupe.PID
	after time.Duration                      // of a timeout
}

// A handler tries a clause on a message, and handles the message if it fits.
// For a clause on parts, first is the first part, and parts holds all of them;
// parts is nil if the message is no tuple. For a clause on whole messages, first
// is the message.
type handler func(first any, parts Tuple) (fits bool, err error)

// A kind is what a clause is tried on.
type kind uint8

const (
	onNothing kind = iota
	onParts
	onWhole
	onRemainder // what no other clause matches
	onDown
	onExit
	onNodeDown
	onTimeout
	kinds = iota
)

// String shows what the clause matches, as an [UnhandledError] does.
func (c Clause) String() string { return c.text }

// Case returns the clause for messages that fit p as a whole: unlike in [Case1]
// and its kin, a [Tuple] is one value here, which [TupleOf] takes apart, and a
// message that is none is not read as a tuple of one part.
//
// Case panics if p or handle is nil. paragram, where every message is a tuple,
// has no such clause.
func Case[T any](p Pattern[T], handle func(T) error) Clause {
	mustMatch("Case", p)
	mustHandle("Case", handle == nil)
	run := func(message any, _ Tuple) (bool, error) {
		v, ok := p.Match(message)
		if !ok {
			return false, nil
		}
		return true, handle(v)
	}
	return Clause{kind: onWhole, run: run, text: "whole message " + matcherText(p)}
}

// CatchAll returns the clause for messages that no other clause matches. It is
// tried last, wherever it stands among the others; of several, the first that
// was added counts. With it, a [Receiver] never returns an [UnhandledError].
// CatchAll panics if handle is nil.
//
// In paragram this is a clause for etc, which hides every clause added after it.
func CatchAll(handle func(message any) error) Clause {
	mustHandle("CatchAll", handle == nil)
	run := func(message any, _ Tuple) (bool, error) { return true, handle(message) }
	return Clause{kind: onRemainder, run: run, text: "anything else"}
}

// onFixed returns the clause for messages of as many parts as there are patterns.
func onFixed(run handler, missing bool, patterns ...Matcher) Clause {
	function := "Case" + strconv.Itoa(len(patterns))
	mustMatch(function, patterns...)
	mustHandle(function, missing)
	s := sequence{parts: patterns}
	c := Clause{kind: onParts, parts: len(patterns), run: run, text: s.text("(", ")")}
	if len(patterns) > 0 {
		c.key, c.keyed = keyOf(patterns[0])
	}
	return c
}

// keyOf returns the string that p stands for, if it stands for one.
func keyOf(p Matcher) (key string, ok bool) {
	if is, ok := p.(*isPattern[string]); ok {
		return is.want, true
	}
	return "", false
}

// fits reports whether a message of n parts may match the clause.
func (c *Clause) fits(n int) bool { return n == c.parts || (c.rest && n > c.parts) }

// mustHandle panics if the handler given to the function named is missing.
func mustHandle(function string, missing bool) {
	if missing {
		panic("match: " + function + ": the handler is nil: give it a function that returns an error or nil")
	}
}
