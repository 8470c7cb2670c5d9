package crew

import (
	"errors"
	"slices"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// window is how many leases a worker may hold: the file it reads, and those
// whose results the collector has not accepted yet.
const window = 4

// spareAfter is how many crashes the saboteur may cause in one file.
const spareAfter = 3

// A job is a file to count.
type job struct {
	File   int    // its number in the tree
	Path   string // ready to be opened
	Spared bool   // the saboteur leaves whoever does it alone
}

// order is what the feeder hears.
type order interface{ order() }

type (
	next     struct{ troupe.Call[troupe.None, job] } // a worker wants a file
	accepted struct{ file int }                      // the collector has a file's result
	fresh    struct{ file int }                      // the collector has found a file in the mail
	strike   struct{}                                // the saboteur wants a worker killed
)

func (next) order()     {}
func (accepted) order() {}
func (fresh) order()    {}
func (strike) order()   {}

func askNext(c troupe.Call[troupe.None, job]) order { return next{c} }

// A clerk is what the feeder knows.
type clerk struct {
	*crew
	self    *troupe.Self[order]
	fresh   []int                 // files that were not handed out yet
	again   []int                 // files to hand out again
	done    []bool                // files that were accepted or given up
	leases  map[troupe.PID]*lease // by worker
	holder  map[int]*lease        // by file; the last worker that got it
	waiting []next                // workers that wait for a file
	crashes map[int]*deaths       // by file
}

// A lease is what one worker holds.
type lease struct {
	files  []int // handed out and not accepted, oldest first
	reads  int   // the file that it reads now, or idle
	struck bool  // it was killed, and its Down is on the way
}

const idle = -1

// deaths counts the workers that died while they read a file.
type deaths struct{ own, caused int }

// feed is the body of the feeder.
func (c *crew) feed(self *troupe.Self[order]) error {
	f := &clerk{
		crew: c, self: self,
		done:    make([]bool, len(c.tree.Files)),
		leases:  map[troupe.PID]*lease{},
		holder:  map[int]*lease{},
		crashes: map[int]*deaths{},
	}
	if c.Mail != nil {
		_ = collector.Send(self, result{file: knock}) // if it has died, all start anew
	} else {
		for file := range f.done {
			f.fresh = append(f.fresh, file)
		}
	}
	for m := range self.Messages() {
		if m.Event == troupe.Down {
			f.bury(m.From, m.Reason)
		}
		switch o := m.Body.(type) {
		case next:
			f.lease(o.From()).reads = idle
			f.waiting = append(f.waiting, o)
		case accepted:
			f.accept(o.file)
		case fresh:
			f.fresh = append(f.fresh, o.file)
		case strike:
			f.strike()
		}
		f.serve()
	}
	return nil
}

// lease returns what a worker holds. A worker that is new is monitored from now
// on.
func (f *clerk) lease(worker troupe.PID) *lease {
	l := f.leases[worker]
	if l == nil {
		l = &lease{reads: idle}
		f.leases[worker] = l
		f.self.Monitor(worker)
	}
	return l
}

// serve gives a file to each worker that waits and may have one.
func (f *clerk) serve() {
	f.waiting = slices.DeleteFunc(f.waiting, func(n next) bool {
		l := f.leases[n.From()]
		if l == nil {
			return true // it has died
		}
		if len(l.files) >= window {
			return false
		}
		file, ok := f.take()
		if !ok {
			return false
		}
		f.hand(n, l, file)
		return true
	})
}

// take returns the next file to hand out.
func (f *clerk) take() (file int, ok bool) {
	for len(f.again) > 0 {
		file, f.again = f.again[0], f.again[1:]
		if !f.done[file] {
			f.reissued.Add(1)
			return file, true
		}
	}
	if len(f.fresh) == 0 {
		return 0, false
	}
	file, f.fresh = f.fresh[0], f.fresh[1:]
	return file, true
}

// hand leases a file to a worker that waits.
func (f *clerk) hand(n next, l *lease, file int) {
	j := job{File: file, Path: f.tree.Path(file), Spared: f.spared(file)}
	if n.Reply(f.self, j) != nil { // the worker has just died: its Down is on the way
		f.again = append(f.again, file)
		return
	}
	l.files = append(l.files, file)
	l.reads = file
	f.holder[file] = l
}

// spared reports whether the saboteur has hit a file often enough.
func (f *clerk) spared(file int) bool {
	d := f.crashes[file]
	return d != nil && d.caused >= spareAfter
}

// accept ends the lease of a file.
func (f *clerk) accept(file int) {
	f.done[file] = true
	delete(f.crashes, file)
	if l := f.holder[file]; l != nil {
		l.files = slices.DeleteFunc(l.files, func(n int) bool { return n == file })
		delete(f.holder, file)
	}
}

// bury takes back what a dead worker held.
func (f *clerk) bury(worker troupe.PID, reason error) {
	l := f.leases[worker]
	delete(f.leases, worker)
	for _, file := range l.files {
		delete(f.holder, file)
		if file == l.reads && f.blame(file, reason, l.struck) {
			f.done[file] = true
			rec := wordindex.Record{Kind: wordindex.GivenUp, Err: reason}
			_ = collector.Send(f.self, result{file: file, rec: rec}) // if it has died, all start anew
			continue
		}
		f.again = append(f.again, file)
	}
}

// blame counts a death against the file that the worker read, unless the worker
// was told to end, and reports whether the file has killed enough of them.
func (f *clerk) blame(file int, reason error, struck bool) bool {
	if troupe.IsNormal(reason) || errors.Is(reason, troupe.ErrShutdown) {
		return false
	}
	d := f.crashes[file]
	if d == nil {
		d = &deaths{}
		f.crashes[file] = d
	}
	if struck || errors.Is(reason, errSabotage) {
		d.caused++
		return false
	}
	d.own++
	return d.own >= MaxDeaths
}
