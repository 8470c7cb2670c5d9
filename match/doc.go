// Package match lets a process take its messages apart by patterns.
//
// # Words
//
// A pattern describes a value: a certain one ([Is]), one of a type ([Type]), one
// that a function approves of ([Where]), every value ([Any]). Patterns nest:
// [TupleOf], [ListOf] and [Map] hold patterns for what is inside the value.
//
// A message is whatever was sent to a process whose mailbox takes any. A message
// of several parts is a [Tuple]. A message that is no Tuple counts as a Tuple of
// one part, so that "stop" and Tuple{"stop"} are the same to a clause.
//
// A clause is a pattern for each part of a message, and a handler which gets the
// parts with the types that the patterns give them:
//
//	match.Case2(match.Is("sqrt"), match.Type[float64](),
//		func(_ string, x float64) error { ... })
//
// The digit is the number of parts. [CaseRest1] and its kin take any number of
// further parts, [Case] takes a message as a whole, [CatchAll] takes what is left.
// The compiler checks that handlers and patterns agree; whether a message fits is
// seen when it comes.
//
// To serve a mailbox is to give each message to the first clause that matches it,
// in the order in which they stand. The error of the handler ends the process. A
// message that no clause matches ends it too, with an [UnhandledError]: like
// everything unforeseen, it is for a supervisor to deal with.
//
// An event is what a process hears that nobody sent as a message: that another
// process has ended, or that nothing came for a while. [OnDown], [OnExit],
// [OnNodeDown] and [OnTimeout] are clauses for events. Without one, an event is
// passed over, but for an exit, which ends the process unless it is normal.
//
// # Functions
//
// [Serve] is all that most processes need. A [Receiver] is a set of clauses that
// can change while the process runs, that can serve as a [troupe.Handler], and
// that can be tried out without any process ([Receiver.Match]).
//
// # Where it comes from
//
// The rules are those of the Python library paragram, restated for Go's types;
// docs/from-paragram.md tells name by name what became of it. Two are new, for
// Go's sake: [Maybe], because nil has no type, and [Each], because slices are
// typed.
//
// # Cost
//
// Matching a message against equality, types, predicates and tuples needs no
// reflection and no allocation. Lists and maps are matched like that as well when
// they are a []any, a map[K]any or a map[any]any; for others there is reflection.
// A clause whose first pattern is [Is] of a string costs next to nothing for
// messages that begin with another string, however many such clauses there are.
//
// # Promises
//
// No pattern panics, whatever the message: values that cannot be compared are
// equal to nothing, nil is a value like others, and messages may contain
// themselves. Functions that make patterns and clauses panic when they are given
// nil for a pattern, a predicate or a handler, which is a mistake in the program
// and shows when it starts.
package match
