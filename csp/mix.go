package csp

import (
	"context"
	"maps"
	"sync"
)

// Mixing is how a [Mix] treats one of its inputs.
type Mixing struct {
	Mute  bool // take its values and throw them away
	Pause bool // take nothing from it; outranks Mute
	Solo  bool // while any input is solo, only those that are appear in the output
}

// Mix puts the values of several inputs into one output; inputs come and go, and each may be
// muted, paused or made solo while it runs. An input that is solo is neither muted nor paused.
// It is core.async's mix.
//
// All methods may be called by any goroutine.
type Mix[T any] struct {
	mu        sync.Mutex
	inputs    map[*Chan[T]]Mixing
	pauseRest bool
	changed   chan struct{}
}

// NewMix starts a mix into out, without inputs. It ends when ctx ends or out is closed, and
// closes out; it does not end when its inputs do, for others may be added.
func NewMix[T any](ctx context.Context, out *Chan[T]) *Mix[T] {
	m := &Mix[T]{inputs: map[*Chan[T]]Mixing{}, changed: make(chan struct{}, 1)}
	go finish(func() error { return m.run(ctx, out) }, out)
	return m
}

// Add adds an input, or changes how it is treated.
func (m *Mix[T]) Add(in *Chan[T], how Mixing) { m.Toggle(map[*Chan[T]]Mixing{in: how}) }

// Toggle adds or changes several inputs in one step: no value is mixed in between.
func (m *Mix[T]) Toggle(how map[*Chan[T]]Mixing) {
	m.update(func() { maps.Copy(m.inputs, how) })
}

// Remove removes an input. An input that is closed is removed once it is empty.
func (m *Mix[T]) Remove(in *Chan[T]) { m.update(func() { delete(m.inputs, in) }) }

// RemoveAll removes all inputs.
func (m *Mix[T]) RemoveAll() { m.update(func() { clear(m.inputs) }) }

// PauseOthers makes solo inputs pause the others, or, with false, as at the beginning, mute
// them.
func (m *Mix[T]) PauseOthers(on bool) { m.update(func() { m.pauseRest = on }) }

// Inputs returns the inputs and how each is treated.
func (m *Mix[T]) Inputs() map[*Chan[T]]Mixing {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.inputs)
}

func (m *Mix[T]) update(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// input is an input with its settings at the time when the mix began to wait for it.
type input[T any] struct {
	in  *Chan[T]
	how Mixing
}

// run selects over the inputs that are not paused, a signal of change and the output's closing.
func (m *Mix[T]) run(ctx context.Context, out *Chan[T]) error {
	for {
		inputs := m.audible()
		if err := m.runUntilChange(ctx, inputs, out); err != nil {
			return err
		}
	}
}

func (m *Mix[T]) runUntilChange(ctx context.Context, inputs []input[T], out *Chan[T]) error {
	var v T
	cases := make([]Case, 0, len(inputs)+2)
	for _, input := range inputs {
		cases = append(cases, Recv(input.in, &v))
	}
	cases = append(cases, RecvC(m.changed, nil), RecvC(out.Done(), nil))
	for {
		select {
		case <-m.changed: // goes before any input
			return nil
		default:
		}
		i, ok, err := Select(ctx, cases...)
		switch {
		case err != nil:
			return err
		case i == len(inputs)+1:
			return ErrClosed
		case i == len(inputs):
			return nil
		case !ok:
			m.Remove(inputs[i].in)
		case m.heard(inputs[i]):
			if err := deliver(ctx, out, v); err != nil {
				return err
			}
		}
	}
}

// audible returns the inputs to take values from, muted ones included.
func (m *Mix[T]) audible() []input[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	pauseRest := m.pauseRest && m.anySolo()
	var audible []input[T]
	for in, how := range m.inputs {
		if how.Solo || !(how.Pause || pauseRest) {
			audible = append(audible, input[T]{in, how})
		}
	}
	return audible
}

// heard reports whether a value just taken from an input belongs in the output. It looks at
// the newest settings, or, should the input have been removed meanwhile, at its last.
func (m *Mix[T]) heard(i input[T]) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	how, there := m.inputs[i.in]
	if !there {
		how = i.how
	}
	return how.Solo || !how.Mute && !m.anySolo()
}

func (m *Mix[T]) anySolo() bool {
	for _, how := range m.inputs {
		if how.Solo {
			return true
		}
	}
	return false
}
