package match

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A Receiver is a set of clauses that can change while processes use it. A
// message goes to the first clause that matches it, in the order in which the
// clauses were added; a [CatchAll] comes last.
//
// The zero Receiver has no clauses and is ready for use. It must not be copied
// after its first use.
//
// Every method may be called by several goroutines at once, and from within a
// handler. A receiver may serve several processes at once; its handlers then run
// in each of them, and must look after what they share.
//
// It is the receive attribute of a process in paragram, where only the process
// itself may add to it, and where nothing can be removed.
type Receiver struct {
	mu      sync.Mutex            // held by those who change the clauses
	clauses atomic.Pointer[table] // nil while there never was one
}

// NewReceiver returns a receiver with these clauses.
func NewReceiver(clauses ...Clause) *Receiver {
	r := new(Receiver)
	r.Add(clauses...)
	return r
}

// Add adds clauses behind those that are there, and returns the function that
// removes the ones added by this call. A second call of remove does nothing.
//
// A change counts from the next message on. A handler that removes its own
// clause finishes its message; a message that another goroutine is matching at
// that moment may still go to a clause that was removed.
//
// The cost of Add and of remove grows with the number of clauses; that of
// matching a message whose first part is a string hardly does.
func (r *Receiver) Add(clauses ...Clause) (remove func()) {
	added := make([]*Clause, len(clauses))
	for i, c := range clauses {
		added[i] = &c
	}
	r.change(func(all []*Clause) []*Clause { return append(all, added...) })
	return sync.OnceFunc(func() {
		r.change(func(all []*Clause) []*Clause {
			return slices.DeleteFunc(all, func(c *Clause) bool { return slices.Contains(added, c) })
		})
	})
}

// Match gives the message to the first clause that matches it and returns what
// its handler returned. handled is false, and err nil, if no clause matches. It
// needs no process, and ignores clauses on events.
//
// A panic of a handler or of a predicate goes through to the caller.
func (r *Receiver) Match(message any) (handled bool, err error) {
	return r.table().match(message)
}

// change replaces the table by one with the clauses that edit returns; edit may
// use up the slice that it gets.
func (r *Receiver) change(edit func([]*Clause) []*Clause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clauses.Store(newTable(edit(slices.Clone(r.table().all))))
}

// noClauses is the table of the zero Receiver.
var noClauses table

func (r *Receiver) table() *table {
	if t := r.clauses.Load(); t != nil {
		return t
	}
	return &noClauses
}
