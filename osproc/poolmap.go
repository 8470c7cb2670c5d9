package osproc

import (
	"context"
	"iter"
)

// Map runs the function for every item of a sequence, in the workers, and yields a result or
// an error for each, in the order of the items.
//
// The sequence is run in a goroutine of its own, and read only as far ahead as the workers
// need: some multiple of what they have in hand, more when tasks are short. An error of the
// function, or a [*PoisonError], is that of its item, and the map goes on; leave the loop to
// end it. When ctx ends, or the pool, the cause is yielded and the map ends, though results
// may be missing.
//
// Leaving the loop ends the contexts of the tasks that are running, forgets the others, and
// waits until the sequence has noticed, which it does at its next item. A panic of the
// sequence is that of the loop. Each loop over what Map returns is a map of its own.
func (p *Pool[A, R]) Map(ctx context.Context, items iter.Seq[A]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) { p.mapping(ctx, items, yield, true) }
}

// MapUnordered is Map that yields results when they are there, in any order.
func (p *Pool[A, R]) MapUnordered(ctx context.Context, items iter.Seq[A]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) { p.mapping(ctx, items, yield, false) }
}

func (p *Pool[A, R]) mapping(ctx context.Context, items iter.Seq[A], yield func(R, error) bool, ordered bool) {
	var zero R
	if ctx.Err() != nil {
		yield(zero, context.Cause(ctx))
		return
	}
	m := newMapper(p, ordered)
	if err := p.p.Attach(m); err != nil {
		yield(zero, err)
		return
	}
	go m.feed(items)
	left := true // also by a panic of the loop's body
	var why error
	defer func() {
		m.leave()
		if m.panicked != nil {
			panic(m.panicked)
		}
		if !left && why != nil {
			yield(zero, why)
		}
	}()
	why, left = m.deliver(ctx, yield)
}

// leave ends the map, whatever is left of it.
func (m *mapper[A, R]) leave() {
	m.dropped.Store(true)
	close(m.quit)
	m.pool.p.Detach(m)
	m.mu.Lock()
	waiting := m.waiting
	m.mu.Unlock()
	for _, b := range waiting {
		m.pool.p.Cancel(b)
	}
	<-m.fed
}

// deliver yields what is done until there is nothing more, the loop is left, or there is a
// reason why.
func (m *mapper[A, R]) deliver(ctx context.Context, yield func(R, error) bool) (why error, left bool) {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx), false
		case <-m.pool.p.Ended():
			return m.pool.p.Why(), false
		default:
		}
		s, over := m.take()
		switch {
		case over:
			return nil, false
		case s.b != nil:
			if !s.yield(yield) {
				return nil, true
			}
			continue
		}
		select {
		case <-m.news:
		case <-ctx.Done():
		case <-m.pool.p.Ended():
		}
	}
}

// yield yields the results of a stretch. It reports that the loop goes on.
func (s stretch[A, R]) yield(yield func(R, error) bool) bool {
	var zero R
	for i := s.from; i < s.to; i++ {
		result, err := s.b.results[i], error(nil)
		if s.errs != nil && s.errs[i] != nil {
			result, err = zero, s.errs[i]
		}
		if !yield(result, err) {
			return false
		}
	}
	return true
}
