package crew

import (
	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// An assignment is what a worker in an OS process of its own must be told. It
// gets addresses instead of names, because a name is looked up by asking the
// parent. If their processes die, all start anew, the workers too.
type assignment struct {
	Poison    string
	Feeder    troupe.Ref[order]
	Collector troupe.Ref[result]
}

var isolated = isolate.Register("crew/worker", func(self *troupe.Self[troupe.None], a assignment) error {
	return newCrew(nil, Config{Poison: a.Poison}).work(self, a.Feeder, a.Collector)
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
	return troupe.Function(func(self *troupe.Self[troupe.None]) error {
		if !c.Isolated {
			return c.work(self, feeder, collector)
		}
		a, err := c.assign(self.Node())
		if err != nil {
			return err
		}
		return isolate.Body(isolated, a)(self)
	})
}

func (c *crew) assign(n *troupe.Node) (a assignment, err error) {
	a.Poison = c.Poison
	pid, _ := n.Whereis("crew/feeder")
	if a.Feeder, err = troupe.RefOf[order](pid); err != nil {
		return a, err
	}
	pid, _ = n.Whereis("crew/collector")
	a.Collector, err = troupe.RefOf[result](pid)
	return a, err
}

// strike kills a worker from outside, in the middle of whatever it does. One that
// reads a file which is to be spared is spared.
func (f *clerk) strike() {
	for worker, l := range f.leases {
		if l.struck || l.reads != idle && f.spared(l.reads) {
			continue
		}
		l.struck = true
		_ = worker.Kill(f.self) // if it has died, its Down is on the way
		return
	}
}
