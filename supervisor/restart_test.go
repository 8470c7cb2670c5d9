package supervisor_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func TestG42_Policies(t *testing.T) {
	shutdown := fmt.Errorf("done: %w", troupe.ErrShutdown)
	for _, c := range []struct {
		policy supervisor.Policy
		reason error
		want   string
	}{
		{supervisor.Permanent, nil, "x:running"},
		{supervisor.Permanent, errBoom, "x:running"},
		{supervisor.Permanent, shutdown, "x:running"},
		{supervisor.Transient, nil, "x:ended"},
		{supervisor.Transient, troupe.Stop, "x:ended"},
		{supervisor.Transient, shutdown, "x:ended"},
		{supervisor.Transient, errBoom, "x:running"},
		{supervisor.Transient, troupe.ErrKilled, "x:running"},
		{supervisor.Temporary, nil, ""},
		{supervisor.Temporary, errBoom, ""},
	} {
		t.Run(fmt.Sprint(c.policy, " ", c.reason), func(t *testing.T) {
			bubble(t, func(t *testing.T, self *root) {
				var d diary
				x := d.actor("x")
				x.Restart = c.policy
				sup := boot(self, spec{Children: []child{x}})
				crash(t, self, "x", c.reason)
				if got := allStates(t, self, sup); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestG42_PanicAndGoexitAreFailures(t *testing.T) {
	for what, fall := range map[string]func(){
		"panic":        func() { panic("oh") },
		"panic nil":    func() { panic(nil) },
		"panic normal": func() { panic(troupe.ErrShutdown) },
		"goexit":       runtime.Goexit,
		"divide":       func() { var zero int; _ = 1 / zero },
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, self *root) {
				starts := 0
				sup := boot(self, spec{Children: []child{{Name: "x", Restart: supervisor.Transient,
					Body: troupe.Function(func(self *troupe.Self[int]) error {
						if starts++; starts == 1 {
							fall()
						}
						self.Receive()
						return nil
					}),
				}}})
				i := info(t, self, sup, "x")
				if starts != 2 || i.Restarts != 1 || i.Reason == nil || i.State != supervisor.Running {
					t.Errorf("%d starts, %+v", starts, i)
				}
			})
		})
	}
}

func four(d *diary) []child {
	return []child{d.actor("a"), d.actor("b"), d.actor("c"), d.actor("e")}
}

func TestG42_OneForOneRestartsTheChildAlone(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		boot(self, spec{Children: four(&d)})
		d.expect(t, "+a +b +c +e")
		crash(t, self, "b", errBoom)
		d.expect(t, "-b +b")
	})
}

func TestG42_OneForAllRestartsAll(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		boot(self, spec{Strategy: supervisor.OneForAll, Children: four(&d)})
		d.expect(t, "+a +b +c +e")
		crash(t, self, "b", errBoom)
		d.expect(t, "-b -e -c -a +a +b +c +e")
	})
}

func TestG42_RestForOneRestartsTheRest(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		boot(self, spec{Strategy: supervisor.RestForOne, Children: four(&d)})
		d.expect(t, "+a +b +c +e")
		crash(t, self, "b", errBoom)
		d.expect(t, "-b -e -c +b +c +e")
	})
}

func TestG42_GroupsTakeEndedTransientChildrenWithThemAndLeaveTemporaryOnesOut(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		cs := four(&d)
		cs[0].Restart, cs[2].Restart = supervisor.Transient, supervisor.Temporary
		sup := boot(self, spec{Strategy: supervisor.OneForAll, Children: cs})
		d.expect(t, "+a +b +c +e")
		crash(t, self, "a", nil)
		d.expect(t, "-a")
		crash(t, self, "b", errBoom)
		d.expect(t, "-b -e -c +a +b +e")
		if got := allStates(t, self, sup); got != "a:running, b:running, e:running" {
			t.Error(got)
		}
	})
}

func TestG42_AChildOutsideTheGroupFailsWhileTheGroupStops(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Strategy: supervisor.RestForOne, Intensity: 2, Children: []child{
			d.actor("a"), d.actor("b"), d.slow("c", 2*time.Second),
		}})
		crash(t, self, "b", errBoom) // c stops now
		crash(t, self, "a", errBoom)
		time.Sleep(10 * time.Second)
		d.expect(t, "+a +b +c -b -a -c +a +b +c")
		if got := allStates(t, self, sup); got != "a:running, b:running, c:running" {
			t.Error(got)
		}
	})
}

func TestG42_AChildFailsWhileItsGroupStarts(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		boot(self, spec{Strategy: supervisor.OneForAll, Intensity: 9, Children: []child{
			d.actor("a"), d.late("b", 2*time.Second), d.actor("c"),
		}})
		time.Sleep(5 * time.Second)
		crash(t, self, "c", errBoom) // a is up again, b is not
		d.expect(t, "+a b… +b +c -c -b -a +a b…")
		crash(t, self, "a", errBoom)
		d.expect(t, "-a -b +a b…")
		time.Sleep(3 * time.Second)
		d.expect(t, "+b +c")
	})
}

func TestG42_AMemberOfTheGroupThatDiesMeanwhileDoesNotCount(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Strategy: supervisor.OneForAll, Intensity: 1, Children: []child{
			d.actor("a"), d.actor("b"), d.slow("c", 2*time.Second),
		}})
		crash(t, self, "b", errBoom)
		crash(t, self, "a", errBoom) // its turn to stop is still to come
		time.Sleep(5 * time.Second)
		d.expect(t, "+a +b +c -b -a -c +a +b +c")
		if got := allStates(t, self, sup); got != "a:running, b:running, c:running" {
			t.Error(got)
		}
	})
}

func TestG42_AnySignificantChild(t *testing.T) {
	for _, c := range []struct {
		policy supervisor.Policy
		reason error
		ends   bool
	}{
		{supervisor.Transient, nil, true},
		{supervisor.Transient, troupe.ErrShutdown, true},
		{supervisor.Transient, errBoom, false},
		{supervisor.Temporary, errBoom, true},
		{supervisor.Temporary, nil, true},
	} {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Intensity: 9, AutoShutdown: supervisor.AnySignificant, Children: []child{
				d.actor("a"),
				with(d.actor("x"), func(x *child) { x.Significant, x.Restart = true, c.policy }),
				with(d.actor("y"), func(x *child) { x.Significant, x.Restart = true, c.policy }),
				with(d.actor("z"), func(x *child) { x.Restart = c.policy }),
			}})
			crash(t, self, "z", c.reason) // is not significant
			crash(t, self, "x", c.reason)
			err, ended := sup.PID().Ended()
			if ended != c.ends || ended && (err != supervisor.ErrAutoShutdown || !errors.Is(err, troupe.ErrShutdown)) {
				t.Error(c, err, ended)
			}
			if !ended {
				shut(t, self, sup)
			}
			noChildren(t, self)
		})
	}
}

func TestG42_AllSignificantChildren(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		vital := func(name string) child {
			return with(d.actor(name), func(x *child) { x.Significant, x.Restart = true, supervisor.Transient })
		}
		sup := boot(self, spec{AutoShutdown: supervisor.AllSignificant, Children: []child{
			vital("x"), d.actor("a"), vital("y"), vital("z"),
		}})
		if err := supervisor.Stop(self, sup, "z"); err != nil { // by a person: triggers nothing
			t.Error(err)
		}
		crash(t, self, "x", nil)
		if got := allStates(t, self, sup); got != "x:ended, a:running, y:running, z:stopped" {
			t.Error(got)
		}
		crash(t, self, "y", nil)
		if err := sup.PID().Wait(self); err != supervisor.ErrAutoShutdown {
			t.Error(err)
		}
		d.expect(t, "+x +a +y +z -z -x -y -a")
	})
}

func TestG42_SignificantSiblingsStoppedWithTheirGroupTriggerNothing(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Strategy: supervisor.OneForAll, AutoShutdown: supervisor.AnySignificant, Children: []child{
			with(d.actor("x"), func(x *child) { x.Significant, x.Restart = true, supervisor.Temporary }), d.actor("a"),
		}})
		crash(t, self, "a", errBoom)
		if got := allStates(t, self, sup); got != "a:running" {
			t.Error(got)
		}
	})
}

// flaky returns a child that starts for the first time only.
