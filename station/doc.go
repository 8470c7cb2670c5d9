// Package station makes actors of addresses that own their mail.
//
// # Words
//
// An address is a path, "/cart/42". Mail for it can be sent at any time, and waits
// in a store (see package mailbox): in memory, in a file, in Redis, on NATS
// JetStream. The mail belongs to the address and not to whoever handles it.
//
// A [Station] knows patterns of addresses, "/cart/{id}", and for each where the
// mail lies and how to make the [Actor] that handles it. When there is mail for an
// address, its gate is asked, an actor is made, and handles it, one mail after the
// other. An actor that has had nothing to do for a while is retired; when there is
// mail again, another one is made. So a million addresses are no more than the
// mail that waits at them.
//
// Mail is acknowledged when its handler has returned nil. Until then it is the
// store's; after a failure, a panic or a crash it comes again, marked by its
// count. Mail that fails too often becomes a dead letter: it stays in the store
// with the reason, to be listed, replayed or purged.
//
// A question is mail whose sender waits for the answer. A flow is a piece of work
// of several steps; its name goes along with all mail that is sent while mail of
// it is handled.
//
// # A station
//
//	shop := station.New(store)
//	station.Handle(shop, "/cart/{id}", newCart, station.Options{})
//	…
//	err := troupe.Run(ctx, shop.Run)
//
// Anybody can send at any time, also before the station runs and when it never
// does in this program:
//
//	err := station.Tell(ctx, shop, "/cart/42", add{"apple", 3})
//	items, err := station.Ask[list, []string](ctx, shop, "/cart/42", list{})
//
// Bodies have a type, which need not be registered anywhere. In a store in memory
// they are Go values and stay what they are; sender and handler must not both
// change what they share. Other stores keep them as JSON, or as what the
// [mailbox.Codec] of the station or the pattern writes. A body that does not fit
// the address is refused when it is sent; one that cannot be read after all (it
// was sent by another program, or years ago) becomes a dead letter with the
// reason, and those behind it go on.
//
// # Order, and how often
//
// Mail of one priority that one goroutine tells to one address is handled in the
// order it was told, one at a time, unless [Options.Parallel] is more than 1. Mail
// that failed keeps its place while it waits for its next attempt, and all behind
// it waits too, unless [Retry.Aside] is set. Nothing is promised between different
// addresses, except that none waits for another, unless [Limit] handlers are at
// work.
//
// In a store that lasts every mail is handled at least once. It comes more often
// only if its handler failed, crashed, lost the address or was told to end. An
// actor with [Options.Atomic] whose effects are all in the state that it saves and
// the mail that it sends does so effectively once: all of it is one step.
//
// # Faults
//
// A panic in a handler is the failure of its mail; the actor is thrown away, for
// nobody knows what it has left half done, and the next attempt goes to a new one.
// A handler that takes longer than [Options.Timeout] has its context cancelled. If
// it does not return within [Grace] either, it is fenced: what it sends is
// discarded, it is listed among [troupe.Node.Zombies] with its stack, and its
// address goes on with another actor. Go cannot stop it; whoever must be able to
// lets the handler ask a process in an OS process of its own. No handler can hold
// up another address.
//
// A station is a process (see [Station.Run]), its handlers run in handler
// processes that it spawns as they are needed, and an actor at rest is none. If the
// store breaks the station ends with the store's error, and whoever supervises it
// starts it again.
//
// # People
//
// [Station.Stop] stops an address by hand until [Station.Start], whatever arrives
// and however often programs are started; this too lies in the store.
// [Options.Gate] decides by itself whether an address may start now.
// [Station.Subtree] and [Station.Children] show the tree of addresses,
// [Station.DeadLetters] what could not be handled, and [HighWater] calls when too
// much waits, or for too long.
//
// # Several stations
//
// Programs that serve the same store share its addresses, each of which belongs to
// one program at a time: they must have the same patterns. If one dies, the others
// take over.
package station
