package match

// Case0 returns the clause for the empty [Tuple]. It panics if handle is nil.
func Case0(handle func() error) Clause {
	return onFixed(func(any, Tuple) (bool, error) { return true, handle() }, handle == nil)
}

// Case1 returns the clause for messages of one part that fits p. A message that
// is no [Tuple] is read as a tuple of one part: Case1(Is("stop"), ...) matches
// Tuple{"stop"} and a bare "stop". To match a message as it is, use [Case].
//
// Case1 and its kin panic if a pattern or the handler is nil. They follow
// paragram, where sending one value sends a tuple of one.
func Case1[A any](p1 Pattern[A], handle func(A) error) Clause {
	return onFixed(func(first any, _ Tuple) (bool, error) {
		a, ok := p1.Match(first)
		if !ok {
			return false, nil
		}
		return true, handle(a)
	}, handle == nil, p1)
}

// Case2 returns the clause for a [Tuple] of two parts that fit p1 and p2. The
// handler gets what the patterns made of them. For all else see [Case1].
func Case2[A, B any](p1 Pattern[A], p2 Pattern[B], handle func(A, B) error) Clause {
	return onFixed(func(first any, parts Tuple) (bool, error) {
		a, ok := p1.Match(first)
		if !ok {
			return false, nil
		}
		b, ok := p2.Match(parts[1])
		if !ok {
			return false, nil
		}
		return true, handle(a, b)
	}, handle == nil, p1, p2)
}

// Case3 is [Case2] for three parts.
func Case3[A, B, C any](p1 Pattern[A], p2 Pattern[B], p3 Pattern[C], handle func(A, B, C) error) Clause {
	return onFixed(func(first any, parts Tuple) (bool, error) {
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
		return true, handle(a, b, c)
	}, handle == nil, p1, p2, p3)
}

// Case4 is [Case2] for four parts.
func Case4[A, B, C, D any](p1 Pattern[A], p2 Pattern[B], p3 Pattern[C], p4 Pattern[D], handle func(A, B, C, D) error) Clause {
	return onFixed(func(first any, parts Tuple) (bool, error) {
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
		d, ok := p4.Match(parts[3])
		if !ok {
			return false, nil
		}
		return true, handle(a, b, c, d)
	}, handle == nil, p1, p2, p3, p4)
}

// Case5 is [Case2] for five parts. For longer tuples use [Case] with [TupleOf],
// or better a struct with named fields and [Type].
func Case5[A, B, C, D, E any](p1 Pattern[A], p2 Pattern[B], p3 Pattern[C], p4 Pattern[D], p5 Pattern[E], handle func(A, B, C, D, E) error) Clause {
	return onFixed(func(first any, parts Tuple) (bool, error) {
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
		d, ok := p4.Match(parts[3])
		if !ok {
			return false, nil
		}
		e, ok := p5.Match(parts[4])
		if !ok {
			return false, nil
		}
		return true, handle(a, b, c, d, e)
	}, handle == nil, p1, p2, p3, p4, p5)
}
