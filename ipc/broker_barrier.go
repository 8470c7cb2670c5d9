package ipc

import (
	"errors"

	"github.com/troupe-go/troupe/internal/wire"
)

// A barrierObject goes through generations: parties arrive, the last acts, and the next
// generation begins.
type barrierObject struct {
	line    line
	parties int
	now     *generation
}

// A generation of a barrier, from the first to arrive until all may pass.
type generation struct {
	number  uint64
	arrived int
	by      map[*session]int
	actor   *session // who runs the action, while it does
	passed  bool
	broken  bool
}

func newBarrierObject(d *wire.Decoder) (object, error) {
	n, err := d.Uint()
	if err != nil || n < 1 || n > maxPermits {
		return nil, wire.ErrMalformed
	}
	return &barrierObject{parties: int(n), now: &generation{by: make(map[*session]int)}}, nil
}

// advance begins the next generation.
func (o *barrierObject) advance() {
	o.now = &generation{number: o.now.number + 1, by: make(map[*session]int)}
}

func (o *barrierObject) do(c *call) error {
	switch c.op {
	case opWait:
		return o.wait(c)
	case opActed:
		number, err1 := c.args.Uint()
		failed, err2 := c.args.Uint()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		return o.acted(c.s, number, failed == 1)
	case opMend:
		whole, err := c.args.Uint()
		if err != nil {
			return err
		}
		o.mend(whole == 1)
		return nil
	case opState:
		waiting, broken := o.now.arrived, uint64(0)
		if o.now.broken {
			waiting, broken = 0, 1
		}
		c.answer.Uint(uint64(waiting))
		c.answer.Uint(broken)
		return nil
	}
	return c.errOperation(kindBarrier)
}

// wait answers with the index of the party, and whether it has to act now.
func (o *barrierObject) wait(c *call) error {
	acts, err := c.args.Uint()
	if err != nil {
		return err
	}
	if c.inline && (o.now.actor != nil || o.now.arrived+1 < o.parties) && !o.now.broken {
		return errWouldBlock // arriving twice would be one too many
	}
	if err := c.until(&o.line, func() bool { return o.now.actor == nil }); err != nil {
		return err
	}
	g := o.now
	if g.broken {
		return ErrBroken
	}
	index := g.arrived
	if index+1 == o.parties {
		o.answer(c, index, acts, g)
		if acts == 1 {
			g.actor = c.s
		} else {
			o.pass()
		}
		return nil
	}
	g.arrived++
	g.by[c.s]++
	err = c.until(&o.line, func() bool { return g.passed || g.broken })
	switch {
	case err != nil:
		o.smash(g)
		return err
	case g.broken:
		return ErrBroken
	}
	o.answer(c, index, 0, g)
	return nil
}

func (o *barrierObject) answer(c *call, index int, acts uint64, g *generation) {
	c.answer.Uint(uint64(index))
	c.answer.Uint(acts)
	c.answer.Uint(g.number)
}

// pass lets everybody through.
func (o *barrierObject) pass() {
	o.now.passed = true
	o.advance()
	o.line.wake()
}

func (o *barrierObject) smash(g *generation) {
	g.broken, g.actor = true, nil
	o.line.wake()
}

// acted says that the action was run.
func (o *barrierObject) acted(s *session, number uint64, failed bool) error {
	switch {
	case o.now.actor != s || o.now.number != number: // aborted, or reset
		return ErrBroken
	case failed:
		o.smash(o.now)
	default:
		o.pass()
	}
	return nil
}

func (o *barrierObject) mend(whole bool) {
	switch {
	case !whole:
		o.smash(o.now)
	case o.now.arrived > 0 || o.now.broken || o.now.actor != nil:
		o.smash(o.now)
		o.advance()
	}
}

func (o *barrierObject) leave(s *session) {
	if g := o.now; g.by[s] > 0 || g.actor == s {
		o.smash(g)
	}
}

func (o *barrierObject) remove() {}
