package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func TestG40_ChildrenStartInOrderAndWaitForEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		began := time.Now()
		ready := make(chan time.Duration, 1)
		sup := troupe.Spawn(self, spec{Children: []child{
			d.late("a", time.Second), d.actor("b"), d.late("c", time.Second), d.actor("d"),
		}}.Run, troupe.Name("sup"), troupe.OnReady(func() { ready <- time.Since(began) }))
		synctest.Wait()
		if got := allStates(t, self, sup); got != "a:starting, b:waiting, c:waiting, d:waiting" {
			t.Error(got)
		}
		time.Sleep(1500 * time.Millisecond)
		if got := allStates(t, self, sup); got != "a:running, b:running, c:starting, d:waiting" {
			t.Error(got)
		}
		if took := <-ready; took != 2*time.Second {
			t.Error("up after", took)
		}
		synctest.Wait()
		d.expect(t, "a… +a +b c… +c +d")
		shut(t, self, sup)
		d.expect(t, "-d -c -b -a")
	})
}

func TestG40_FailedStartStopsTheOthersInReverseOrder(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne} {
			var d diary
			sup := launch(self, spec{Strategy: strategy, Children: []child{
				d.actor("a"), d.slow("b", time.Second), d.late("c", 0), d.failing("x", errBoom), d.actor("e"),
			}})
			err := sup.PID().Wait(self)
			d.expect(t, "+a +b c… +c !x -c -b -a")
			var failed *supervisor.StartError
			if !errors.As(err, &failed) || failed.Child != "x" || !errors.Is(err, errBoom) {
				t.Error(err)
			}
			if err.Error() != `supervisor: child "x" did not start: boom` {
				t.Error(err)
			}
			noChildren(t, self)
		}
	})
}

func TestG40_ChildThatIsNeverReady(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		began := time.Now()
		sup := launch(self, spec{Children: []child{
			d.actor("a"),
			with(d.late("b", time.Hour), func(c *child) { c.Start = 3 * time.Second }),
		}})
		err := sup.PID().Wait(self)
		if !errors.Is(err, supervisor.ErrNotReady) || time.Since(began) != 3*time.Second {
			t.Error(err, "after", time.Since(began))
		}
		d.expect(t, "+a b… -b -a")
	})
}

func TestG40_NeverReadyWithoutALimitCanStillBeStopped(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{d.actor("a"), d.late("b", 1000*time.Hour), d.actor("c")}})
		time.Sleep(time.Hour)
		if got := state(t, self, sup, "b"); got != supervisor.Starting {
			t.Error(got)
		}
		shut(t, self, sup)
		d.expect(t, "+a b… -b -a")
	})
}

func TestG40_ShutdownDuringStartOfAChildThatIgnoresIt(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		stuck := make(chan struct{})
		defer close(stuck)
		sup := boot(self, spec{Children: []child{
			d.actor("a"),
			{Name: "b", Shutdown: time.Second, Body: troupe.Service(func(context.Context) error {
				<-stuck
				return nil
			}).AwaitReady()},
		}})
		began := time.Now()
		shut(t, self, sup)
		if took := time.Since(began); took != time.Second {
			t.Error("took", took)
		}
		d.expect(t, "+a -a")
	})
}

func TestG40_PanicInAConstructorIsAFailedStart(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := launch(self, spec{Children: []child{
			d.actor("a"),
			{Name: "b", Body: troupe.Handling(func() troupe.Handler[int] { panic("no handler today") })},
		}})
		err := sup.PID().Wait(self)
		var p *troupe.PanicError
		if !errors.As(err, &p) || p.Value != "no handler today" {
			t.Error(err)
		}
		d.expect(t, "+a -a")
	})
}

type badInit struct{ troupe.HandlerFunc[int] }

func (badInit) Init(*troupe.Self[int]) error { panic("no init today") }

func TestG40_PanicInInitIsAFailedStart(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		sup := launch(self, spec{Children: []child{
			{Name: "h", Body: troupe.Handling(func() troupe.Handler[int] { return badInit{} })},
		}})
		var p *troupe.PanicError
		if err := sup.PID().Wait(self); !errors.As(err, &p) || p.Value != "no init today" {
			t.Error(err)
		}
	})
}

func TestG40_NameTakenIsAFailedStart(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		if err := self.Register("sup/b"); err != nil {
			t.Fatal(err)
		}
		var d diary
		began := time.Now()
		sup := boot(self, spec{Children: []child{d.actor("a"), d.actor("b")}})
		if got := allStates(t, self, sup); got != "a:running, b:waiting" {
			t.Error(got)
		}
		err := sup.PID().Wait(self)
		if took := time.Since(began); took != supervisor.DefaultShutdown {
			t.Error("took", took)
		}
		var failed *supervisor.StartError
		if !errors.Is(err, troupe.ErrNameTaken) || !errors.As(err, &failed) || failed.Child != "b" {
			t.Error(err)
		}
		d.expect(t, "+a -a")
	})
}

func TestG40_DecliningIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{d.failing("a", nil), d.failing("b", troupe.Stop), d.actor("c")}})
		if got := allStates(t, self, sup); got != "a:ended, b:ended, c:running" {
			t.Error(got)
		}
		if _, err := supervisor.Start(self, sup, "a"); err != nil {
			t.Error("start of a child that declines again:", err)
		}
		d.expect(t, "!a !b +c !a")
	})
}

func TestG41_ChildrenStopOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{
			d.slow("a", 2*time.Second), d.slow("b", time.Second), d.slow("c", 3*time.Second),
		}})
		began := time.Now()
		shut(t, self, sup)
		if took := time.Since(began); took != 6*time.Second {
			t.Error("took", took)
		}
		d.expect(t, "+a +b +c -c -b -a")
	})
}

// trapping returns a child that traps exits and takes no notice of them.
func trapping(name string, shutdown time.Duration) child {
	return child{Name: name, Shutdown: shutdown, Body: troupe.Function(func(self *troupe.Self[int]) error {
		self.TrapExit(true)
		for range self.Messages() {
		}
		return nil
	})}
}

func TestG41_ChildThatWouldNotGoIsKilledAndReported(t *testing.T) {
	stuck := make(map[string]child)
	hang := func(self *troupe.Self[int]) error {
		time.Sleep(time.Minute)
		return nil
	}
	stuck["never looks"] = child{Name: "x", Shutdown: 2 * time.Second, Body: troupe.Function(hang)}
	stuck["by default"] = child{Name: "x", Body: troupe.Function(hang)}
	stuck["traps exits"] = trapping("x", 2*time.Second)
	for what, c := range stuck {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, self *root) {
				var d diary
				var ev events
				sup := boot(self, spec{Report: ev.add, Children: []child{d.actor("a"), c}})
				began := time.Now()
				shut(t, self, sup)
				want := c.Shutdown
				if want == 0 {
					want = supervisor.DefaultShutdown
				}
				if took := time.Since(began); took != want {
					t.Error("took", took)
				}
				d.expect(t, "+a -a")
				if late := ev.of(supervisor.ChildOverdue); len(late) != 1 || late[0].Child != "x" {
					t.Error(late)
				}
				time.Sleep(time.Hour) // let the body return
			})
		})
	}
}

func TestG41_BrutalChildrenAreNotTold(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var ev events
		sup := boot(self, spec{Report: ev.add, Children: []child{trapping("x", supervisor.Brutal)}})
		pid := info(t, self, sup, "x").PID
		began := time.Now()
		shut(t, self, sup)
		if took := time.Since(began); took != 0 {
			t.Error("took", took)
		}
		if err := pid.Wait(self); err != troupe.ErrKilled {
			t.Error(err)
		}
		if n := len(ev.of(supervisor.ChildOverdue)); n != 0 {
			t.Error("a brutal kill was reported as overdue")
		}
	})
}

func TestG41_PatientChildrenHaveAllTheTime(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{
			with(d.slow("a", time.Hour), func(c *child) { c.Shutdown = supervisor.Patient }),
		}})
		began := time.Now()
		shut(t, self, sup)
		if took := time.Since(began); took != time.Hour {
			t.Error("took", took)
		}
		d.expect(t, "+a -a")
	})
}

func TestG41_ASupervisorAsChildHasAllTheTime(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		inner := spec{Children: []child{
			with(d.slow("x", time.Minute), func(c *child) { c.Shutdown = supervisor.Patient }), d.actor("y"),
		}, Report: func(supervisor.Event) {}}
		sup := boot(self, spec{Children: []child{d.actor("a"), {Name: "in", Body: inner.Body()}, d.actor("b")}})
		if i := info(t, self, sup, "in"); !i.Supervisor {
			t.Error("not known as a supervisor:", i)
		}
		began := time.Now()
		shut(t, self, sup)
		if took := time.Since(began); took != time.Minute {
			t.Error("took", took)
		}
		d.expect(t, "+a +x +y +b -b -y -x -a")
	})
}

func TestG41_AnswersWhileItStops(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{d.actor("a"), d.slow("b", 3*time.Second)}})
		if err := sup.PID().Exit(self, troupe.ErrShutdown); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := allStates(t, self, sup); got != "a:running, b:stopping" {
			t.Error(got)
		}
		if err := supervisor.Stop(self, sup, "a"); err != supervisor.ErrEnding {
			t.Error(err)
		}
		if _, err := supervisor.Add(self, sup, d.actor("c")); err != supervisor.ErrEnding {
			t.Error(err)
		}
		if err := sup.PID().Wait(self); err != troupe.ErrShutdown {
			t.Error(err)
		}
	})
}
