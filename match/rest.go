package match

import "strconv"

// CaseRest returns the clause for messages of any number of parts, none
// included, that all fit the pattern rest. The handler gets them as one slice.
// CaseRest(Any(), ...) matches every message; see [CatchAll] for a clause that
// does so only when no other matches. As in [Case1], a message that is no
// [Tuple] is read as a tuple of one part.
//
// With [Any] the slice is part of the message: the handler may keep it and must
// not change it. With any other pattern it is new.
//
// CaseRest and its kin panic if a pattern or the handler is nil. They follow
// paragram's rule for tuples that end in etc, which cannot say what the rest
// must be.
func CaseRest[R any](rest Pattern[R], handle func([]R) error) Clause {
	collect := collector(rest)
	return onRest(func(first any, parts Tuple) (bool, error) {
		r, ok := collect(0, first, parts)
		if !ok {
			return false, nil
		}
		return true, handle(r)
	}, handle == nil, rest)
}

// CaseRest1 returns the clause for messages whose first part fits p1 and whose
// further parts, if there are any, fit the pattern rest. For all else see
// [CaseRest].
func CaseRest1[A, R any](p1 Pattern[A], rest Pattern[R], handle func(A, []R) error) Clause {
	collect := collector(rest)
	return onRest(func(first any, parts Tuple) (bool, error) {
		a, ok := p1.Match(first)
		if !ok {
			return false, nil
		}
		r, ok := collect(1, first, parts)
		if !ok {
			return false, nil
		}
		return true, handle(a, r)
	}, handle == nil, p1, rest)
}

// CaseRest2 is [CaseRest1] for two parts before the rest.
func CaseRest2[A, B, R any](p1 Pattern[A], p2 Pattern[B], rest Pattern[R], handle func(A, B, []R) error) Clause {
	collect := collector(rest)
	return onRest(func(first any, parts Tuple) (bool, error) {
		a, ok := p1.Match(first)
		if !ok {
			return false, nil
		}
		b, ok := p2.Match(parts[1])
		if !ok {
			return false, nil
		}
		r, ok := collect(2, first, parts)
		if !ok {
			return false, nil
		}
		return true, handle(a, b, r)
	}, handle == nil, p1, p2, rest)
}

// CaseRest3 is [CaseRest1] for three parts before the rest.
func CaseRest3[A, B, C, R any](p1 Pattern[A], p2 Pattern[B], p3 Pattern[C], rest Pattern[R], handle func(A, B, C, []R) error) Clause {
	collect := collector(rest)
	return onRest(func(first any, parts Tuple) (bool, error) {
		a, ok := p1.Match(first)
		if !ok {
			return false, nil
		}
		b, ok := p2.Match(parts[1])
		if !ok {
			return false, nil
		}
		c, ok := p3.Match(parts[2])
		if !ok {
			return false, nil
		}
		r, ok := collect(3, first, parts)
		if !ok {
			return false, nil
		}
		return true, handle(a, b, c, r)
	}, handle == nil, p1, p2, p3, rest)
}

// onRest returns the clause for messages with a part for every pattern but the
// last, which is that of the rest.
func onRest(run handler, missing bool, patterns ...Matcher) Clause {
	last := len(patterns) - 1
	function := "CaseRest"
	if last > 0 {
		function += strconv.Itoa(last)
	}
	mustMatch(function, patterns...)
	mustHandle(function, missing)
	s := sequence{parts: append(patterns[:last:last], restOf{patterns[last]})}
	c := Clause{kind: onParts, parts: last, rest: true, run: run, text: s.text("(", ")")}
	if last > 0 {
		c.key, c.keyed = keyOf(patterns[0])
	}
	return c
}

// restOf shows the pattern of a rest.
type restOf struct{ Matcher }

func (r restOf) String() string { return matcherText(r.Matcher) + "..." }

// collector returns the function that takes the rest of a message from part n
// on, each part as what p makes of it.
func collector[R any](p Pattern[R]) func(n int, first any, parts Tuple) ([]R, bool) {
	_, takesAll := any(p).(anyPattern)
	return func(n int, first any, parts Tuple) ([]R, bool) {
		if parts == nil && n == 0 {
			parts = Tuple{first}
		}
		if len(parts) <= n {
			return nil, true
		}
		values := []any(parts[n:len(parts):len(parts)])
		if takesAll {
			rest, _ := any(values).([]R)
			return rest, true
		}
		rest := make([]R, len(values))
		for i, v := range values {
			r, ok := p.Match(v)
			if !ok {
				return nil, false
			}
			rest[i] = r
		}
		return rest, true
	}
}
