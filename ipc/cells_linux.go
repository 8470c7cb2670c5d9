package ipc

import (
	"context"
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// sharedCells is an array of cells under one mutex. A new value is first written down in the
// journal, then the journal is marked with the number of the cell, and then the cell is
// written; whoever finds the mark after a death writes the cell again.
type sharedCells struct {
	guarded
	size, count int
	journaled   *atomic.Uint64 // the number of the cell + 1, or 0
	viewed      *atomic.Uint64 // 1 while somebody may change cells in place
	journal     []byte
	cells       []byte
}

const cellsStart = guardedState + 64

var cellsLayout = shm.Layout{Kind: regionCells, Bells: 1}

func makeCells(size, count int) (cellsBackend, error) {
	if count >= (math.MaxInt32-cellsStart)/size {
		return nil, errTooMuch
	}
	l := cellsLayout
	l.Size = cellsStart + align(size) + size*count
	s, err := newShared(shm.Create(l))
	if err != nil {
		return nil, err
	}
	s.Word(guardedState).Store(uint64(size))
	return newSharedCells(s, nil)
}

func openCells(d *wire.Decoder) (cellsBackend, error) {
	return newSharedCells(openShared(d, cellsLayout))
}

func newSharedCells(s *shared, err error) (cellsBackend, error) {
	if err != nil {
		return nil, err
	}
	data := s.Data()
	if len(data) < cellsStart {
		return nil, wire.ErrMalformed
	}
	size := int(s.Word(guardedState).Load())
	rest := len(data) - cellsStart - align(size)
	if size < 1 || size > len(data) || rest < size || rest%size != 0 {
		_ = s.detach()
		return nil, wire.ErrMalformed
	}
	g, err := newGuarded(s, nil)
	if err != nil {
		return nil, err
	}
	w := g.Words(guardedState, 3)
	c := &sharedCells{
		guarded: g, size: size, count: rest / size, journaled: &w[1], viewed: &w[2],
		journal: data[cellsStart : cellsStart+size], cells: data[cellsStart+align(size):],
	}
	c.repair = c.replay
	return c, nil
}

// align rounds up, so that cells lie as their type wants to.
func align(n int) int { return (n + 63) &^ 63 }

func (c *sharedCells) handle() handle           { return c.shared }
func (c *sharedCells) shape() (size, count int) { return c.size, c.count }
func (c *sharedCells) cell(i int) []byte        { return c.cells[i*c.size : (i+1)*c.size] }

// replay does what somebody who died had still to do.
func (c *sharedCells) replay() {
	if i := c.journaled.Load(); i > 0 && i <= uint64(c.count) {
		copy(c.cell(int(i-1)), c.journal)
	}
	c.journaled.Store(0)
}

func (c *sharedCells) load(ctx context.Context, i int, into []byte) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	copy(into, c.cell(i))
	c.leave()
	return nil
}

func (c *sharedCells) update(ctx context.Context, i int, f func(cell []byte) bool) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	copy(c.journal, c.cell(i))
	if f(c.journal) {
		c.journaled.Store(uint64(i + 1))
		copy(c.cell(i), c.journal)
		c.journaled.Store(0)
	}
	return nil
}

func (c *sharedCells) view(ctx context.Context, f func(all []byte) error) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	if c.viewed.Swap(0) != 0 {
		return ErrOwnerDied
	}
	c.viewed.Store(1)
	defer c.viewed.Store(0)
	return f(c.cells)
}

// directMemory returns where the first cell lies, and whether the handle was detached.
func directMemory(b cellsBackend) (unsafe.Pointer, *atomic.Bool, *shm.Order) {
	if c, ok := b.(*sharedCells); ok {
		return unsafe.Pointer(unsafe.SliceData(c.cells)), &c.detached, c.Order()
	}
	return nil, nil, nil
}
