// Package shm is memory that OS processes share, and the little that is needed to wait for each
// other in it without holding a thread and without trusting anybody to stay alive. It is for
// Linux; elsewhere the package is empty.
//
// # Words
//
// A region is a piece of memory without a name (a sealed memfd), mapped by every process that
// has its descriptors. It begins with a table of slots, one for each process that has the
// region mapped. An owner is a slot together with its generation: it stays the identity of one
// process in one region for ever, for when a slot is used again its generation has changed.
//
// A [Mutex] is a word in a region. It is robust: whose holder dies, by whatever signal, at
// whatever instruction, can be locked by the next, who is told.
//
// A [Bell] is how processes wake each other: an eventfd, which every process that waits has
// under Go's poller. Ringing it wakes all of them. It is never drained: under an edge-triggered
// poller every write is a new edge, and a bell that must be read would lose a wake-up with the
// process that read it.
//
// A peer is another process as seen from this one, by a pidfd, which becomes readable when the
// process has died and not before.
//
// # How nothing is lost
//
// Who waits for a state (rather than for a mutex) looks at it under the mutex that guards it,
// marks the bell while still holding the mutex, and then waits. Who changes the state rings
// the bell, if it is marked, and only then changes the state and unlocks. A waiter that wakes
// looks again, under the mutex. So a process that dies before it has rung has changed nothing,
// and one that dies after it has rung leaves a mutex that the woken find, with its death.
//
// Who waits for a mutex has left a mark in its word and watches the owner it saw there. That
// owner can only unlock, which takes the mark away and rings, or die, which rings too.
//
// # Registries
//
// The package keeps two registries: the regions that are mapped, so that the same region is
// mapped once however often its descriptors arrive, and the peers that are watched.
package shm
