package match

import (
	"fmt"
	"reflect"
)

// A Matcher says whether a value fits. It is the half of a [Pattern] that does
// not depend on a type, so that patterns of different types can stand side by
// side in [TupleOf], [ListOf] and [Key].
//
// Matches must not change v, must not panic for any v, and must be safe to call
// from several goroutines at once: a [Receiver] may serve several processes.
// Every pattern of this package keeps to that, as long as the predicates given
// to [Where] do.
type Matcher interface {
	Matches(v any) bool
}

// A Pattern is a [Matcher] that also hands out what it matched as a T, which
// becomes an argument of the handler. Match returns the zero T and false when v
// does not fit; Match and Matches must agree.
//
// Programs may bring patterns of their own. One with a method String shows it
// in the text of an [UnhandledError]; others show their type.
//
// The rules that this package's patterns follow are those of the Python library
// paragram, with Go's types in the place of Python's.
type Pattern[T any] interface {
	Matcher
	Match(v any) (T, bool)
}

// Any returns the pattern that every value fits, nil included. It is paragram's
// constant of the same name, and Erlang's underscore.
func Any() Pattern[any] { return anyPattern{} }

type anyPattern struct{}

func (anyPattern) Match(v any) (any, bool) { return v, true }
func (anyPattern) Matches(any) bool        { return true }
func (anyPattern) String() string          { return "_" }

// Type returns the pattern for values of type T: those for which Go's type
// assertion v.(T) succeeds. For an interface type these are the values that
// implement it. nil has no type, so it fits [Type] of any and no other; use
// [Maybe] where nil is welcome too.
//
// It is paragram's rule for classes. There an instance of a derived class fits
// as well, and True fits int; in Go a defined type is a type of its own.
func Type[T any]() Pattern[T] { return &typePattern[T]{nilFits: isEmptyInterface[T]()} }

type typePattern[T any] struct {
	nilFits bool // T is any, which v.(T) refuses to nil
}

func (p *typePattern[T]) Match(v any) (T, bool) {
	x, ok := v.(T)
	return x, ok || (v == nil && p.nilFits)
}

func (p *typePattern[T]) Matches(v any) bool {
	_, ok := v.(T)
	return ok || (v == nil && p.nilFits)
}

func (p *typePattern[T]) String() string { return typeText[T]() }

// Where returns the pattern for values that fit [Type] of T and for which test
// returns true. test is not called for any other value.
//
// test must not change the value and must be safe to call from several
// goroutines at once. A panic in test goes through to whoever is matching: it
// ends the process, like any other panic in it. Where panics if test is nil.
//
// It is paragram's rule for callables. There a callable that fails counts as one
// that does not match, which a dynamic language needs and which hides mistakes.
func Where[T any](test func(T) bool) Pattern[T] {
	if test == nil {
		panic("match: Where: the predicate is nil: give it a function")
	}
	return &wherePattern[T]{typePattern[T]{isEmptyInterface[T]()}, test}
}

type wherePattern[T any] struct {
	kind typePattern[T]
	test func(T) bool
}

func (p *wherePattern[T]) Match(v any) (T, bool) {
	if x, ok := p.kind.Match(v); ok && p.test(x) {
		return x, true
	}
	var none T
	return none, false
}

func (p *wherePattern[T]) Matches(v any) bool {
	x, ok := p.kind.Match(v)
	return ok && p.test(x)
}

func (p *wherePattern[T]) String() string { return "where " + typeText[T]() }

// Maybe returns the pattern for nil and for whatever fits p; nil is handed out
// as the zero T. An error sent in a [Tuple] is nil when all went well, and then
// does not fit Type[error]() but Maybe(Type[error]()). Maybe panics if p is nil.
//
// paragram has no such rule: there None is a value of a type that can be named.
func Maybe[T any](p Pattern[T]) Pattern[T] {
	mustMatch("Maybe", p)
	return &maybePattern[T]{p}
}

type maybePattern[T any] struct{ p Pattern[T] }

func (p *maybePattern[T]) Match(v any) (T, bool) {
	if x, ok := p.p.Match(v); ok || v != nil {
		return x, ok
	}
	var none T
	return none, true
}

func (p *maybePattern[T]) Matches(v any) bool { return v == nil || p.p.Matches(v) }
func (p *maybePattern[T]) String() string     { return "nil or " + matcherText(p.p) }

// isEmptyInterface reports whether T is any, or a defined type like it.
func isEmptyInterface[T any]() bool {
	t := reflect.TypeFor[T]()
	return t.Kind() == reflect.Interface && t.NumMethod() == 0
}

// mustMatch panics if one of the patterns given to the function named is nil.
func mustMatch(function string, patterns ...Matcher) {
	for i, p := range patterns {
		if p == nil {
			panic(fmt.Sprintf("match: %s: pattern %d is nil: use match.Any to accept every value", function, i+1))
		}
	}
}
