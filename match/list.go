package match

import "reflect"

// ListOf returns the pattern for a slice with exactly as many elements as there
// are patterns, each fitting its own. ListOf() is the pattern for a slice of
// length nought, nil slices included. It panics if a pattern is nil.
//
// Any slice is a list, except a [Tuple]; arrays are not. A []any is matched
// without reflection and handed out as it is; another slice needs reflection and
// is handed out as a copy. For a slice of one element type and any length see
// [Type] and [Each].
//
// It is paragram's rule for lists.
func ListOf(elements ...Matcher) Pattern[[]any] {
	mustMatch("ListOf", elements...)
	return &listPattern{sequence{parts: elements}}
}

// ListRest returns the pattern for a slice that begins with elements that fit
// the patterns; any number of further elements may follow. ListRest() is the
// pattern for every slice. All else is as in [ListOf].
//
// It is paragram's rule for lists that end in etc.
func ListRest(elements ...Matcher) Pattern[[]any] {
	mustMatch("ListRest", elements...)
	return &listPattern{sequence{parts: elements, rest: true}}
}

type listPattern struct{ sequence }

func (p *listPattern) Match(v any) ([]any, bool) {
	if !p.Matches(v) {
		return nil, false
	}
	if values, ok := v.([]any); ok {
		return values, true
	}
	l, _ := asList(v)
	values := make([]any, l.len())
	for i := range values {
		values[i] = l.at(i)
	}
	return values, true
}

func (p *listPattern) Matches(v any) bool {
	if values, ok := v.([]any); ok {
		return p.accepts(values)
	}
	l, ok := asList(v)
	return ok && p.acceptsList(l)
}

func (p *listPattern) acceptsList(l list) bool {
	if !p.fits(l.len()) {
		return false
	}
	for i, m := range p.parts {
		if !m.Matches(l.at(i)) {
			return false
		}
	}
	return true
}

func (p *listPattern) String() string { return p.text("[", "]") }

// Each returns the pattern for a slice of any length whose elements all fit p.
// It hands out a new slice with what p made of them. What a list is, and what it
// costs, is as in [ListOf]. Each panics if p is nil.
//
// paragram has no such rule.
func Each[T any](p Pattern[T]) Pattern[[]T] {
	mustMatch("Each", p)
	return &eachPattern[T]{p}
}

type eachPattern[T any] struct{ p Pattern[T] }

func (p *eachPattern[T]) Match(v any) ([]T, bool) {
	l, ok := asList(v)
	if !ok {
		return nil, false
	}
	found := make([]T, l.len())
	for i := range found {
		if found[i], ok = p.p.Match(l.at(i)); !ok {
			return nil, false
		}
	}
	return found, true
}

func (p *eachPattern[T]) Matches(v any) bool {
	l, ok := asList(v)
	for i := 0; ok && i < l.len(); i++ {
		ok = p.p.Matches(l.at(i))
	}
	return ok
}

func (p *eachPattern[T]) String() string { return "[each " + matcherText(p.p) + "]" }

// A list is a slice of any type, read element by element.
type list struct {
	values []any
	other  reflect.Value // a slice that is not a []any, if valid
}

// asList looks at v as a list; ok is false if it is none.
func asList(v any) (l list, ok bool) {
	switch v := v.(type) {
	case nil, Tuple:
		return list{}, false
	case []any:
		return list{values: v}, true
	}
	other := reflect.ValueOf(v)
	return list{other: other}, other.Kind() == reflect.Slice
}

func (l list) len() int {
	if l.other.IsValid() {
		return l.other.Len()
	}
	return len(l.values)
}

func (l list) at(i int) any {
	if l.other.IsValid() {
		return l.other.Index(i).Interface()
	}
	return l.values[i]
}
