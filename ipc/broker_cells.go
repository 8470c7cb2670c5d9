package ipc

import (
	"errors"

	"github.com/troupe-go/troupe/internal/wire"
)

// A cellsObject is memory in cells of equal size. To update one, a client loads it, computes,
// and stores it if nobody else has in between.
type cellsObject struct {
	line     line
	size     int
	all      []byte
	versions []uint64
	viewer   *session // who looks at all of it
	viewers  uint64   // how many views there have been
	orphan   bool     // the last viewer died
}

const maxCells = 1 << 30 // bytes

func newCellsObject(d *wire.Decoder) (object, error) {
	size, err1 := d.Uint()
	count, err2 := d.Uint()
	switch {
	case errors.Join(err1, err2) != nil || size < 1 || count < 1 || size > maxCells:
		return nil, wire.ErrMalformed
	case count > maxCells/(size+8): // there are as many versions
		return nil, errors.New("ipc: too large an array for a manager: at most 1 GiB")
	}
	return &cellsObject{size: int(size), all: make([]byte, size*count), versions: make([]uint64, count)}, nil
}

func (o *cellsObject) do(c *call) error {
	switch c.op {
	case opViewed:
		return o.viewed(c)
	case opLoad, opStore, opView:
	default:
		return c.errOperation(kindCells)
	}
	if err := c.until(&o.line, func() bool { return o.viewer == nil }); err != nil {
		return err
	}
	if c.op == opView {
		if o.orphan {
			o.orphan = false
			return ErrOwnerDied
		}
		o.viewer = c.s
		o.viewers++
		c.answer.Uint(o.viewers)
		c.answer.Bytes = append(c.answer.Bytes, o.all...)
		return nil
	}
	i, err := c.args.Uint()
	if err != nil || i >= uint64(len(o.versions)) {
		return wire.ErrMalformed
	}
	cell := o.all[int(i)*o.size:][:o.size]
	if c.op == opLoad {
		c.answer.Uint(o.versions[i])
		c.answer.Bytes = append(c.answer.Bytes, cell...)
		return nil
	}
	version, err := c.args.Uint()
	if err != nil || len(c.args.Bytes) != o.size {
		return wire.ErrMalformed
	}
	if version != o.versions[i] {
		return errConflict
	}
	copy(cell, c.args.Bytes)
	o.versions[i]++
	return nil
}

// errConflict says that somebody else was faster.
var errConflict = errors.New("ipc: somebody else changed it")

// viewed ends a view. What comes with it is the memory, if it was changed.
func (o *cellsObject) viewed(c *call) error {
	number, err := c.args.Uint()
	switch {
	case err != nil || len(c.args.Bytes) != 0 && len(c.args.Bytes) != len(o.all):
		return wire.ErrMalformed
	case o.viewer != c.s || o.viewers != number:
		return ErrNotOwner
	}
	if len(c.args.Bytes) > 0 {
		copy(o.all, c.args.Bytes)
		for i := range o.versions {
			o.versions[i]++
		}
	}
	o.viewer = nil
	o.line.wake()
	return nil
}

func (o *cellsObject) leave(s *session) {
	if o.viewer == s {
		o.viewer, o.orphan = nil, true
		o.line.wake()
	}
}

func (o *cellsObject) remove() {}
