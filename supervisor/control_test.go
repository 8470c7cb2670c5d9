package supervisor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

var strategies = []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestG44_StoppedByAPersonStaysStopped(t *testing.T) {
	for _, strategy := range strategies {
		for _, policy := range []supervisor.Policy{supervisor.Permanent, supervisor.Transient, supervisor.Temporary} {
			bubble(t, func(t *testing.T, self *root) {
				var d diary
				x := with(d.actor("x"), func(c *child) { c.Restart = policy })
				sup := boot(self, spec{Strategy: strategy, Intensity: 9, Children: []child{d.actor("a"), x, d.actor("b")}})
				d.expect(t, "+a +x +b")
				must(t, supervisor.Stop(self, sup, "x"))
				d.expect(t, "-x")
				must(t, supervisor.Stop(self, sup, "x")) // twice is once
				crash(t, self, "a", errBoom)             // its group leaves x alone
				time.Sleep(time.Hour)
				if got := allStates(t, self, sup); got != "a:running, x:stopped, b:running" {
					t.Error(got)
				}
				d.take()
				pid, err := supervisor.Start(self, sup, "x")
				must(t, err)
				d.expect(t, "+x")
				if i := info(t, self, sup, "x"); i.PID != pid || i.State != supervisor.Running {
					t.Error(i, pid)
				}
			})
		}
	}
}

func TestControl_Restart(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Strategy: strategy, Intensity: -1, Children: []child{d.actor("a"), d.slow("x", time.Second), d.actor("b")}})
			d.expect(t, "+a +x +b")
			old := info(t, self, sup, "x").PID
			for range 3 { // does not count
				pid, err := supervisor.Restart(self, sup, old)
				must(t, err)
				if pid == old {
					t.Error("the same process")
				}
				old = pid
			}
			d.expect(t, "-x +x -x +x -x +x")
			must(t, supervisor.Stop(self, sup, "x"))
			_, err := supervisor.Restart(self, sup, "x") // one that is stopped
			must(t, err)
			d.expect(t, "-x +x")
		})
	}
}

func TestControl_Errors(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{d.actor("a")}})
		for what, err := range map[string]error{
			"stop":    supervisor.Stop(self, sup, "zz"),
			"remove":  supervisor.Remove(self, sup, self.PID()),
			"empty":   supervisor.Stop(self, sup, ""),
			"nobody":  supervisor.Stop(self, sup, troupe.PID{}),
			"start":   second(supervisor.Start(self, sup, "zz")),
			"restart": second(supervisor.Restart(self, sup, "zz")),
			"find":    second(supervisor.Find(self, sup, "zz")),
		} {
			if !errors.Is(err, supervisor.ErrNoChild) {
				t.Error(what, err)
			}
		}
		if _, err := supervisor.Start(self, sup, "a"); !errors.Is(err, supervisor.ErrRunning) {
			t.Error(err)
		}
		if _, err := supervisor.Add(self, sup, d.actor("a")); !errors.Is(err, supervisor.ErrDuplicate) {
			t.Error(err)
		}
		if _, err := supervisor.Add(self, sup, child{Name: "b"}); err == nil || !strings.HasPrefix(err.Error(), "supervisor: ") {
			t.Error(err)
		}
		if _, err := supervisor.Count(self, troupe.Named[supervisor.Request]("nobody")); err != troupe.ErrNoProc {
			t.Error(err)
		}
		shut(t, self, sup)
		if _, err := supervisor.List(self, sup); !errors.Is(err, troupe.ErrNoProc) {
			t.Error(err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestControl_FromOutsideEveryProcess(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		boot(self, spec{Children: []child{d.actor("a")}})
		ctx := self.Node().Context(t.Context())
		done := make(chan error)
		go func() {
			sup := troupe.Named[supervisor.Request]("sup")
			err := supervisor.Stop(ctx, sup, "a")
			_, err2 := supervisor.Start(ctx, sup, "a")
			done <- errors.Join(err, err2, supervisor.Remove(ctx, sup, "a"))
		}()
		must(t, <-done)
		d.expect(t, "+a -a +a -a")
	})
}

func TestControl_AddAndRemove(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Strategy: strategy, Children: []child{d.actor("a")}})
			pid, err := supervisor.Add(self, sup, d.late("b", time.Second))
			must(t, err)
			if where, ok := self.Node().Whereis("sup/b"); !ok || where != pid {
				t.Error(where, ok, pid)
			}
			must(t, second(supervisor.Add(self, sup, d.actor("c"))))
			d.expect(t, "+a b… +b +c")
			crash(t, self, "b", errBoom) // added children belong to the group
			time.Sleep(2 * time.Second)
			d.expect(t, map[supervisor.Strategy]string{
				supervisor.OneForOne: "-b b… +b", supervisor.OneForAll: "-b -c -a +a b… +b +c", supervisor.RestForOne: "-b -c b… +b +c",
			}[strategy])
			must(t, supervisor.Remove(self, sup, "b"))
			d.expect(t, "-b")
			if got := allStates(t, self, sup); got != "a:running, c:running" {
				t.Error(got)
			}
			must(t, supervisor.Stop(self, sup, "a"))
			must(t, supervisor.Remove(self, sup, "a"))
			must(t, second(supervisor.Add(self, sup, d.actor("a")))) // the name is free
			shut(t, self, sup)
			d.expect(t, "-a +a -a -c")
		})
	}
}

func TestControl_AddOfAChildThatDoesNotStart(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Strategy: strategy, Children: []child{d.actor("a")}})
			_, err := supervisor.Add(self, sup, d.failing("x", errBoom))
			var failed *supervisor.StartError
			if !errors.As(err, &failed) || failed.Reason != errBoom {
				t.Error(err)
			}
			_, err = supervisor.Add(self, sup, child{Name: "y", Body: troupe.Handling(func() troupe.Handler[int] { panic(1) })})
			if !errors.As(err, &failed) || failed.Child != "y" {
				t.Error(err)
			}
			_, err = supervisor.Add(self, sup, with(d.late("z", time.Hour), func(c *child) { c.Start = time.Second }))
			if !errors.Is(err, supervisor.ErrNotReady) {
				t.Error(err)
			}
			if got := allStates(t, self, sup); got != "a:running" {
				t.Error(got)
			}
		})
	}
}

func TestControl_StartThatFailsLeavesTheChildStopped(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Intensity: -1, Children: []child{flaky(&d, "x")}})
		must(t, supervisor.Stop(self, sup, "x"))
		_, err := supervisor.Start(self, sup, "x")
		if !errors.Is(err, errBoom) {
			t.Error(err)
		}
		if got := state(t, self, sup, "x"); got != supervisor.Stopped {
			t.Error(got)
		}
	})
}

func TestControl_StartDuringBackoffIsAtOnce(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			x := d.actor("x")
			x.Backoff.Min = time.Hour
			sup := boot(self, spec{Strategy: strategy, Children: []child{x, d.actor("b")}})
			crash(t, self, "x", errBoom)
			began := time.Now()
			must(t, second(supervisor.Start(self, sup, "x")))
			if took := time.Since(began); took != 0 {
				t.Error("took", took)
			}
			synctest.Wait()
			if got := allStates(t, self, sup); got != "x:running, b:running" {
				t.Error(got)
			}
		})
	}
}

func TestControl_StartDuringBackoffThatFailsGoesOnBackingOff(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		x := flaky(&d, "x")
		x.Backoff.Min = time.Hour
		sup := boot(self, spec{Children: []child{x}})
		crash(t, self, "x", errBoom)
		time.Sleep(time.Minute)
		_, err := supervisor.Start(self, sup, "x")
		if !errors.Is(err, errBoom) || state(t, self, sup, "x") != supervisor.BackingOff {
			t.Error(err)
		}
	})
}

func TestControl_StopDuringBackoff(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			x := d.actor("x")
			x.Backoff.Min = time.Minute
			sup := boot(self, spec{Strategy: strategy, Children: []child{x, d.actor("b")}})
			crash(t, self, "x", errBoom)
			must(t, supervisor.Stop(self, sup, "x"))
			time.Sleep(time.Hour)
			if got := allStates(t, self, sup); got != "x:stopped, b:running" {
				t.Error(got) // the others need not wait for it any more
			}
		})
	}
}

func TestControl_StopDuringStart(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Strategy: strategy, Children: []child{
				d.actor("a"), d.late("b", time.Hour), d.actor("c"), d.actor("e"),
			}})
			must(t, supervisor.Stop(self, sup, "e")) // not started yet
			must(t, supervisor.Stop(self, sup, "b")) // being started
			synctest.Wait()
			if got := allStates(t, self, sup); got != "a:running, b:stopped, c:running, e:stopped" {
				t.Error(got)
			}
			if got := d.take(); !strings.Contains(got, "-b") || !strings.Contains(got, "+c") || strings.Contains(got, "+e") {
				t.Error(got)
			}
		})
	}
}

func TestControl_OrdersToAChildThatStops(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{d.slow("x", 3*time.Second), d.slow("y", 3*time.Second)}})
		ctx := self.Node().Context(t.Context())
		began := time.Now()
		go supervisor.Stop(ctx, sup, "x")
		go supervisor.Stop(ctx, sup, "y") // both at once
		synctest.Wait()
		if got := allStates(t, self, sup); got != "x:stopping, y:stopping" {
			t.Error(got)
		}
		must(t, second(supervisor.Start(self, sup, "x"))) // waits for the stop
		if took := time.Since(began); took != 3*time.Second {
			t.Error("took", took)
		}
		go supervisor.Stop(ctx, sup, "x")
		synctest.Wait()
		must(t, supervisor.Remove(self, sup, "x"))
		if _, err := supervisor.Find(self, sup, "x"); !errors.Is(err, supervisor.ErrNoChild) {
			t.Error(err)
		}
	})
}

func TestControl_WhoWaitsForAStartHearsOfAStop(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{})
		ctx := self.Node().Context(t.Context())
		added := make(chan error, 1)
		go func() { added <- second(supervisor.Add(ctx, sup, d.late("x", time.Hour))) }()
		synctest.Wait()
		must(t, supervisor.Stop(self, sup, "x"))
		if err := <-added; err != supervisor.ErrStopped {
			t.Error(err)
		}
		go func() { added <- second(supervisor.Start(ctx, sup, "x")) }()
		synctest.Wait()
		must(t, sup.PID().Exit(self, troupe.ErrShutdown))
		if err := <-added; err != supervisor.ErrEnding {
			t.Error(err)
		}
	})
}

func TestControl_CallerThatGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{})
		ctx, cancel := context.WithTimeout(self, time.Second)
		defer cancel()
		_, err := supervisor.Add(ctx, sup, d.late("x", time.Minute))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := state(t, self, sup, "x"); got != supervisor.Running {
			t.Error(got)
		}
	})
}

func TestControl_AChildThatStopsItself(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var sup ref
		answer := make(chan error, 1)
		c := child{Name: "x", Body: troupe.Function(func(self *troupe.Self[int]) error {
			self.Receive()
			answer <- supervisor.Stop(self, sup, "x")
			return nil
		})}
		sup = boot(self, spec{Children: []child{c}})
		must(t, troupe.Named[int]("sup/x").Send(self, 1))
		if err := <-answer; !errors.Is(err, troupe.ErrShutdown) {
			t.Error(err)
		}
		synctest.Wait()
		if got := state(t, self, sup, "x"); got != supervisor.Stopped {
			t.Error(got)
		}
	})
}

func TestControl_Count(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		y := d.actor("y")
		y.Backoff.Min = time.Hour
		sup := boot(self, spec{Children: []child{
			d.actor("a"), d.actor("x"), y, d.failing("n", nil), {Name: "in", Body: spec{}.Body()},
			{Name: "g", Body: d.actor("g").Body, Gate: func() error { return errBoom }},
			d.slow("z", time.Second), d.late("l", time.Hour), d.actor("w"),
		}})
		must(t, supervisor.Stop(self, sup, "x"))
		crash(t, self, "y", errBoom)
		go supervisor.Stop(self.Node().Context(t.Context()), sup, "z")
		synctest.Wait()
		got, err := supervisor.Count(self, sup)
		want := supervisor.Tally{Children: 9, Running: 2, Starting: 2, Stopping: 1, BackingOff: 1, Stopped: 1, Refused: 1, Ended: 1, Supervisors: 1}
		if got != want || err != nil {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	})
}
