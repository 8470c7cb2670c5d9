package wire

import "unsafe"

// From trackFrom on, what we are inside of is written down, so that a value that
// contains itself is found soon. Few values are nested so deep.
const trackFrom = 64

// A visit is an address with the type of what is there: a struct and its first
// field share the address. It is not a pointer, for what is there may be on a
// stack.
type visit struct {
	p  uintptr
	of *plan
}

// enter goes one level deeper, into what p points to.
func (e *Encoder) enter(p unsafe.Pointer, of *plan) error {
	e.depth++
	if e.depth < trackFrom {
		return nil
	}
	return e.track(visit{uintptr(p), of})
}

func (e *Encoder) track(v visit) error {
	if e.seen == nil {
		e.seen = make(map[visit]struct{})
	}
	if _, ok := e.seen[v]; ok || e.depth > MaxDepth {
		return ErrTooDeep
	}
	e.seen[v] = struct{}{}
	return nil
}

// leave is the way back from enter.
func (e *Encoder) leave(p unsafe.Pointer, of *plan) {
	if e.depth >= trackFrom {
		delete(e.seen, visit{uintptr(p), of})
	}
	e.depth--
}

func (d *Decoder) enter() error {
	if d.depth++; d.depth > MaxDepth {
		return ErrTooDeep
	}
	return nil
}
