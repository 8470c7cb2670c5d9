package csp

import (
	"context"
	"math/rand/v2"
	"reflect"
	"runtime"
)

// Select waits until one of the cases can proceed, performs it, and returns its index. If
// several can, one of them is chosen at random. ok tells what became of it: for a get, whether
// there was a value, for a put, whether it was accepted; false means that the channel is
// closed.
//
// If ctx ends first, or has ended before, Select performs nothing and returns -1, false and
// the cause of ctx. A [Default] case is chosen when no other can proceed at once.
//
// The cases that are not chosen leave nothing behind in their channels. A put that is waiting
// in a Select when its channel is closed goes on waiting, like any other; add
// RecvC(c.Done(), nil) to hear of the close. It panics if there are more than 65,535 cases.
// Select is core.async's alts!.
func Select(ctx context.Context, cases ...Case) (i int, ok bool, err error) {
	return choose(ctx, cases, true)
}

// SelectFirst is [Select] except that, if several cases can proceed, the first of them is
// chosen: the cases stand in the order of their priority.
func SelectFirst(ctx context.Context, cases ...Case) (i int, ok bool, err error) {
	return choose(ctx, cases, false)
}

// maxCases is what a native select can do, less one for the context.
const maxCases = 1<<16 - 1

func choose(ctx context.Context, cases []Case, random bool) (int, bool, error) {
	if len(cases) > maxCases {
		panic("csp: Select: more than 65,535 cases")
	}
	if ctx.Err() != nil {
		return -1, false, context.Cause(ctx)
	}
	if i, ok := poll(cases, random); i >= 0 {
		return i, ok, nil
	}
	for i := range cases {
		if cases[i].kind == defaultCase {
			return i, true, nil
		}
	}
	// Whoever will make a case ready is often about to run; letting it is far cheaper than a
	// blocking select by reflection.
	runtime.Gosched()
	if i, ok := poll(cases, random); i >= 0 {
		return i, ok, nil
	}
	return block(ctx, cases)
}

// poll performs the first ready case of a random order, or of the given one. It returns -1 if
// none is ready.
func poll(cases []Case, random bool) (int, bool) {
	if random && len(cases) > 1 {
		return pollRandomly(cases)
	}
	for i := range cases {
		if ready, ok := cases[i].try(); ready {
			return i, ok
		}
	}
	return -1, false
}

// pollRandomly shuffles only as far as it has to look.
func pollRandomly(cases []Case) (int, bool) {
	var buf [16]uint16
	order := buf[:]
	if len(cases) > len(buf) {
		order = make([]uint16, len(cases))
	}
	order = order[:len(cases)]
	for i := range order {
		order[i] = uint16(i)
	}
	for left := len(order); left > 0; left-- {
		at := int(uint64(rand.Uint32()) * uint64(left) >> 32)
		i := order[at]
		if ready, ok := cases[i].try(); ready {
			return int(i), ok
		}
		order[at] = order[left-1]
	}
	return -1, false
}

func (c *Case) try() (ready, ok bool) {
	if c.port == nil {
		return false, false
	}
	return c.port.try(c.kind, c.slot)
}

// block waits by reflection. Case 0 of the native select is the end of ctx, case i+1 is cases[i].
func block(ctx context.Context, cases []Case) (int, bool, error) {
	var buf [8]reflect.SelectCase
	waits := append(buf[:0], reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())})
	for i := range cases {
		c := &cases[i]
		if c.port == nil {
			waits = append(waits, reflect.SelectCase{Dir: reflect.SelectRecv})
			continue
		}
		w, closed := c.port.wait(c.kind, c.slot)
		if closed {
			forget(cases[:i], -1)
			return i, false, nil
		}
		waits = append(waits, w)
	}
	chosen, v, received := reflect.Select(waits)
	i := chosen - 1
	forget(cases, i)
	if i < 0 {
		return -1, false, context.Cause(ctx)
	}
	return i, cases[i].port.won(cases[i].kind, cases[i].slot, v, received), nil
}

// forget withdraws the cases that were not chosen.
func forget(cases []Case, chosen int) {
	for i := range cases {
		if i != chosen && cases[i].port != nil {
			cases[i].port.lost(cases[i].kind)
		}
	}
}
