// Package core is the engine of package flow's parallel stages.
//
// A stage has a feeder, which runs everything before the stage and writes its items into a
// ring; workers, which claim items from the ring a chunk at a time and write results into a
// second ring; and the consumer, on whose goroutine the rest of the flow runs. Positions are
// numbers that only grow; the ring slot of a position is its remainder by the ring's size.
//
//	feeder --in--> [fed ... claimed] --workers--> [out: slot by position] --consumer--> tail
//
// In an ordered stage, a result goes to the position of its item; otherwise to the next free
// position. Either way a slot says by its sequence number that it is full, so nobody takes a
// lock to read it. At most a window of items is between feeder and consumer: that is the
// back-pressure, and it makes overwriting a slot in use impossible.
package core
