package flow

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/troupe-go/troupe/csp"
	"github.com/troupe-go/troupe/flow/internal/core"
)

// MapKeyed is [Map] with workers that share the items by key: items with the same key are
// worked on one after the other, in their order, and their results leave in that order; items
// with different keys are worked on at the same time. With [Ordered], all results leave in the
// order of their items. [Window] bounds how many items are held for all keys together.
func MapKeyed[A, B any, K comparable](s Stream[A], key func(A) K, f func(context.Context, A) (B, error), opts ...Option) Stream[B] {
	c := configure("MapKeyed", opts)
	if c.parallel == 1 {
		return Map(s, f, c.apply)
	}
	if c.window == 0 {
		c.window = 64 * c.parallel
	}
	return Stream[B]{func(r *run, yield func(B) bool) error {
		ctx, cancel := context.WithCancel(r.ctx)
		k := &keyed[A, B, K]{
			config: c, key: key, f: f, probe: r.probe(c.name, c.parallel), seed: maphash.MakeSeed(),
			held:    csp.New[struct{}](csp.Fixed(c.window)),
			results: csp.New[numbered[B]](csp.Fixed(c.window)),
		}
		var group sync.WaitGroup
		defer func() {
			cancel()
			group.Wait()
		}()
		k.start(r.within(ctx), s, &group)
		return k.consume(ctx, yield)
	}}
}

// numbered is an item or a result, with the number of the item.
type numbered[T any] struct {
	n     int
	value T
	err   error
}

// keyed is one run of MapKeyed: a lane, that is a channel and its worker, for each of the
// shares of the keys.
type keyed[A, B any, K comparable] struct {
	config
	key     func(A) K
	f       func(context.Context, A) (B, error)
	probe   *core.Probe
	seed    maphash.Seed
	held    *csp.Chan[struct{}] // one for each item held: full when the window is
	results *csp.Chan[numbered[B]]
}

func (k *keyed[A, B, K]) start(r *run, s Stream[A], group *sync.WaitGroup) {
	lanes := make([]*csp.Chan[numbered[A]], k.parallel)
	var live sync.WaitGroup
	for i := range lanes {
		lanes[i] = csp.New[numbered[A]](csp.Fixed(k.window)) // never full: the window is before it
		live.Go(func() { k.work(r.ctx, lanes[i]) })
	}
	group.Go(func() {
		err := csp.ErrGoexit
		defer func() {
			for _, lane := range lanes {
				lane.Close()
			}
			live.Wait()
			k.results.CloseWithError(err)
		}()
		err = k.feed(r, s, lanes)
	})
}

// feed sends each item to the lane of its key.
func (k *keyed[A, B, K]) feed(r *run, s Stream[A], lanes []*csp.Chan[numbered[A]]) (err error) {
	defer recovered(&err) // of the key function, and of sources
	n := 0
	return s.each(r, func(v A) bool {
		if k.held.Put(r.ctx, struct{}{}) != nil {
			return false
		}
		lane := maphash.Comparable(k.seed, k.key(v)) % uint64(len(lanes))
		k.probe.In()
		n++
		return lanes[lane].Put(r.ctx, numbered[A]{n: n - 1, value: v}) == nil
	})
}

func (k *keyed[A, B, K]) work(ctx context.Context, lane *csp.Chan[numbered[A]]) {
	for {
		k.probe.WaitingIn(1)
		item, ok := lane.Get(ctx)
		k.probe.WaitingIn(-1)
		if !ok {
			return
		}
		result := numbered[B]{n: item.n, err: csp.ErrGoexit}
		func() {
			defer func() { _ = k.results.Put(ctx, result) }() // also after runtime.Goexit
			begin := k.probe.Begin()
			result.value, result.err = call(ctx, k.f, item.value)
			k.probe.End(begin)
		}()
	}
}

// consume hands on results as they come, or, if ordered, holds those that are early.
func (k *keyed[A, B, K]) consume(ctx context.Context, yield func(B) bool) error {
	early := map[int]numbered[B]{}
	for next := 0; ; next++ {
		result, there := early[next]
		for !there {
			var ok bool
			if result, ok = k.results.Get(ctx); !ok {
				return endOf(ctx, k.results)
			}
			there = !k.ordered || result.n == next
			if !there {
				early[result.n] = result
			}
		}
		delete(early, next)
		k.held.TryGet()
		k.probe.Out()
		switch result.err {
		case nil:
			if !yield(result.value) {
				return nil
			}
		case Skip:
		default:
			return result.err
		}
	}
}
