package crew

import (
	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// An assignment is what a worker in an OS process of its own must be told. All
// else comes with its jobs; the addresses are names, and the same everywhere.
type assignment struct {
	Poison string
}

var isolated = isolate.Register("crew/worker", func(self *troupe.Self[troupe.None], a assignment) error {
	return newCrew(nil, Config{Poison: a.Poison}).work(self)
})

// Main belongs first into the main function of a program with an isolated crew.
// In a worker it works, and never returns.
func Main() {
	isolate.RegisterType[next]("crew/next")
	osproc.RegisterError("crew/poison", errPoison)
	osproc.Main()
}

// worker returns the body of a worker.
func (c *crew) worker() troupe.Body {
	if c.Isolated {
		return isolate.Child(isolated, assignment{c.Poison})
	}
	return troupe.Function(c.work)
}

// strike kills a worker from outside, in the middle of whatever it does. One that
// reads a file which is to be spared is spared.
func (f *clerk) strike() {
	for worker, l := range f.leases {
		if l.struck || l.reads != idle && f.spared(l.reads) {
			continue
		}
		l.struck = true
		worker.Kill(f.self)
		return
	}
}
