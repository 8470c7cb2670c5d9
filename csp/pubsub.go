package csp

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// PubSub copies every value of a channel to those who subscribed to its topic; what nobody
// subscribed to is thrown away. Each topic has a channel and a [Broadcast] of its own: the
// buffer of that channel decides whether a topic with slow subscribers holds up the others.
// It is core.async's pub.
//
// All methods may be called by any goroutine.
type PubSub[K comparable, T any] struct {
	ctx    context.Context
	buffer func(K) Buffer

	mu     sync.Mutex
	topics map[K]*topic[T]
	over   bool
	err    error // why it is over
}

type topic[T any] struct {
	in  *Chan[T]
	all *Broadcast[T]
}

// NewPubSub starts sorting the values of in by what topicOf says, until in is closed and
// empty, or ctx ends; subscribers are closed then, with the error that in was closed with, if
// any. buffer chooses the buffer of a topic when it gets its first subscriber; nil stands for
// [Unbuffered]. If topicOf panics, everything ends with a [*PanicError].
func NewPubSub[K comparable, T any](ctx context.Context, in *Chan[T], topicOf func(T) K, buffer func(K) Buffer) *PubSub[K, T] {
	if buffer == nil {
		buffer = func(K) Buffer { return Unbuffered() }
	}
	p := &PubSub[K, T]{ctx: ctx, buffer: buffer, topics: map[K]*topic[T]{}}
	go p.run(in, topicOf)
	return p
}

func (p *PubSub[K, T]) run(in *Chan[T], topicOf func(T) K) {
	var err error
	defer func() {
		if r := recover(); r != nil {
			err = NewPanicError(r)
		}
		p.end(err)
	}()
	err = each(p.ctx, in, func(v T) error {
		t := p.find(topicOf(v))
		if t == nil {
			return nil
		}
		if err := deliver(p.ctx, t.in, v); err != nil && !t.in.Closed() {
			return err
		}
		return nil
	})
}

// Sub makes a channel with the given buffer and copies to it what comes for topic k from now on.
func (p *PubSub[K, T]) Sub(k K, buffer Buffer) *Chan[T] {
	out := New[T](buffer)
	p.SubTo(k, out)
	return out
}

// find returns the topic k if it has subscribers. One whose subscribers have all closed their
// channels, instead of unsubscribing, ends here.
func (p *PubSub[K, T]) find(k K) *topic[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.topics[k]
	if t != nil && t.all.Taps() == 0 {
		p.drop(k, t)
		return nil
	}
	return t
}

// SubTo copies to out what comes for topic k from now on; for the options and for closed
// channels see [Broadcast.TapTo]. A channel may subscribe to several topics; it is closed with
// the first of them that ends.
func (p *PubSub[K, T]) SubTo(k K, out *Chan[T], opts ...Option) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		tap[T]{out, configured(opts).keepOpen}.close(p.err)
		return
	}
	t := p.topics[k]
	if t == nil {
		in := New[T](p.buffer(k))
		t = &topic[T]{in: in, all: NewBroadcast(p.ctx, in)}
		p.topics[k] = t
	}
	t.all.TapTo(out, opts...)
}

// Unsub ends the subscription of out to topic k and leaves out open. It reports whether there
// was one.
func (p *PubSub[K, T]) Unsub(k K, out *Chan[T]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.topics[k]
	if t == nil {
		return false
	}
	found := t.all.Untap(out)
	if t.all.Taps() == 0 {
		p.drop(k, t)
	}
	return found
}

// UnsubAll ends all subscriptions to topic k and leaves the subscribers open.
func (p *PubSub[K, T]) UnsubAll(k K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.topics[k]; t != nil {
		p.drop(k, t)
	}
}

// Topics returns the topics that have subscribers, in no particular order.
func (p *PubSub[K, T]) Topics() []K {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.topics))
}

// drop ends the goroutine of a topic.
func (p *PubSub[K, T]) drop(k K, t *topic[T]) {
	t.all.UntapAll()
	t.in.Close()
	delete(p.topics, k)
}

// end lets every topic deliver what it holds and then close its subscribers.
func (p *PubSub[K, T]) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.err = true, err
	for _, t := range p.topics {
		t.in.CloseWithError(err)
	}
}
