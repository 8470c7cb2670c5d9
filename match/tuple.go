package match

import "strings"

// A Tuple is a message of several parts, such as Tuple{"sqrt", 16.0}. The parts
// may be anything, nil and other tuples included. A Tuple is not a list: no list
// pattern accepts it, and no tuple pattern accepts a slice.
//
// As with every message, the sender must not change a tuple after sending it.
type Tuple []any

// TupleOf returns the pattern for a [Tuple] inside a message with exactly as
// many parts as there are patterns, each fitting its own. TupleOf() is the
// pattern for the empty tuple. It panics if a pattern is nil.
//
// A message that is itself a tuple is matched with [Case2] and its kin, which
// hand its parts to the handler with their types. It is paragram's rule for
// tuples.
func TupleOf(parts ...Matcher) Pattern[Tuple] {
	mustMatch("TupleOf", parts...)
	return &tuplePattern{sequence{parts: parts}}
}

// TupleRest returns the pattern for a [Tuple] inside a message that begins with
// parts that fit the patterns; any number of further parts may follow.
// TupleRest() is the pattern for every tuple. It panics if a pattern is nil.
//
// It is paragram's rule for tuples that end in etc.
func TupleRest(parts ...Matcher) Pattern[Tuple] {
	mustMatch("TupleRest", parts...)
	return &tuplePattern{sequence{parts: parts, rest: true}}
}

type tuplePattern struct{ sequence }

func (p *tuplePattern) Match(v any) (Tuple, bool) {
	t, ok := v.(Tuple)
	if !ok || !p.accepts(t) {
		return nil, false
	}
	return t, true
}

func (p *tuplePattern) Matches(v any) bool {
	t, ok := v.(Tuple)
	return ok && p.accepts(t)
}

func (p *tuplePattern) String() string { return p.text("(", ")") }

// A sequence is what tuples and lists have in common: patterns for the first
// elements, and whether more may follow.
type sequence struct {
	parts []Matcher
	rest  bool
}

// fits reports whether n elements are as many as the sequence asks for.
func (s *sequence) fits(n int) bool {
	return n == len(s.parts) || (s.rest && n > len(s.parts))
}

func (s *sequence) accepts(values []any) bool {
	if !s.fits(len(values)) {
		return false
	}
	for i, p := range s.parts {
		if !p.Matches(values[i]) {
			return false
		}
	}
	return true
}

func (s *sequence) text(open, end string) string {
	texts := make([]string, 0, len(s.parts)+1)
	for _, p := range s.parts {
		texts = append(texts, matcherText(p))
	}
	if s.rest {
		texts = append(texts, "...")
	}
	return open + strings.Join(texts, ", ") + end
}
