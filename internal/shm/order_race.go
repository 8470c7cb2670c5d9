//go:build race

package shm

import "sync/atomic"

// An Order tells the race detector what happens before what: it does not see that atomic
// operations in shared memory order anything, because it only knows memory of Go's own.
// Programs without the detector have an empty one.
type Order struct{ n atomic.Uint64 }

// Published comes before the store that others are to see.
func (o *Order) Published() { o.n.Add(1) }

// Observed comes after the load that has seen it.
func (o *Order) Observed() { o.n.Load() }
