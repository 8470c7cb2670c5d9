// Package csp gives Go's channels a character: what to do when they are full, how to be closed
// by anybody, how to be copied, sorted, mixed and merged, and how to be looked into. It knows
// nothing of processes and can be used alone.
//
// # Words
//
// A channel ([Chan]) carries values from those who put to those who get. A put is accepted
// when the channel has taken charge of its value; before that, it waits, or is pending. A
// channel's [Buffer] says how many values it holds that nobody asked for yet, and what happens
// when it is full: a put waits ([Fixed], [Unbuffered]), its value is thrown away ([Dropping]),
// the oldest value is thrown away ([Sliding]), or there is always room ([Elastic]).
//
// A channel that is closed refuses puts. What it has accepted, pending puts included, is still
// delivered; after that it is drained, and gets report ok=false. Every value is an ordinary
// value, zero and nil included. Close may be called by anybody, at any time, any number of
// times: it never makes anyone panic. To abort a channel is to close it and to throw away what
// is inside.
//
// A [Promise] is a value that will be known once, and then is given to all who ask.
//
// A select performs one of several alternatives, puts or gets, whichever is possible first.
//
// A tap is a channel to which a [Broadcast] copies; a topic is what a [PubSub] sorts by; a
// [Mix] takes its name and its switches (mute, pause, solo) from a mixing desk.
//
// A [Scope] is a set of goroutines of which none is left behind.
//
// # Contexts
//
// Whatever waits takes a context. When the context ends, a put has not delivered its value
// and never will, a get has taken nothing, and a select has performed none of its cases. What
// starts a goroutine takes a context too: the goroutine ends with it, or before, when its
// input has ended or nobody is left to take its output, and then closes its output. So a
// pipeline is ended from its source by closing, and from anywhere by its context.
//
// # Errors
//
// A put into a closed channel returns [ErrClosed]. A channel may be closed with an error
// ([Chan.CloseWithError]), which the one who sees it end can read ([Chan.Err]); combinators
// pass it on. Functions of yours that run on a goroutine of the package may panic: their
// output is closed with a [*PanicError].
//
// # With plain Go
//
// [Chan.C] is the native channel below, to be used in Go's select and range like any other,
// and [RecvC] is a native channel in a [Select] of this package.
//
// The semantics are those of Clojure's core.async, which took them from Tony Hoare's
// Communicating Sequential Processes, unless a comment says otherwise.
package csp
