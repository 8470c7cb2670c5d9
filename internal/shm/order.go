//go:build !race

package shm

// An Order tells the race detector what happens before what: it does not see that atomic
// operations in shared memory order anything, because it only knows memory of Go's own.
// Programs without the detector have an empty one.
type Order struct{}

// Published comes before the store that others are to see.
func (o *Order) Published() {}

// Observed comes after the load that has seen it.
func (o *Order) Observed() {}
