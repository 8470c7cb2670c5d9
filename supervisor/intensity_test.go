package supervisor_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func TestG43_MoreRestartsThanTheIntensityEndTheSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Intensity: 2, Period: 10 * time.Second, Children: four(&d)})
		d.expect(t, "+a +b +c +e")
		crash(t, self, "b", errBoom)
		time.Sleep(10*time.Second + 1)
		crash(t, self, "b", errBoom) // the first is forgotten
		crash(t, self, "c", errBoom)
		d.expect(t, "-b +b -b +b -c +c")
		crash(t, self, "b", errBoom)
		err := sup.PID().Wait(self)
		d.expect(t, "-b -e -c -a")
		var many *supervisor.RestartsError
		if !errors.Is(err, troupe.ErrShutdown) || !errors.Is(err, errBoom) || !errors.As(err, &many) {
			t.Fatal(err)
		}
		if many.Child != "b" || many.Restarts != 3 || many.Period != 10*time.Second {
			t.Error(many)
		}
		if err.Error() != `supervisor: gave up after 3 restarts within 10s, the last one of child "b": boom` {
			t.Error(err)
		}
	})
}

func TestG43_DefaultsAndNone(t *testing.T) {
	for _, c := range []struct{ intensity, survives int }{{0, 1}, {-1, 0}, {3, 3}} {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Intensity: c.intensity, Children: []child{d.actor("x")}})
			for range c.survives {
				crash(t, self, "x", nil)
			}
			if _, ended := sup.PID().Ended(); ended {
				t.Error(c.intensity, "ended too soon")
			}
			crash(t, self, "x", nil)
			err := sup.PID().Wait(self)
			if !errors.Is(err, troupe.ErrShutdown) || troupe.IsNormal(err) {
				t.Error(err)
			}
		})
	}
}

func flaky(d *diary, name string) child {
	first := true
	return child{Name: name, Body: troupe.Function(func(self *troupe.Self[error]) error {
		if !first {
			d.write("!%s", name)
			return errBoom
		}
		first = false
		d.write("+%s", name)
		self.Ready()
		return self.Receive().Body
	}).AwaitReady()}
}

func TestG43_AFailedRestartCounts(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne} {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Strategy: strategy, Intensity: 3, Children: []child{flaky(&d, "x")}})
			crash(t, self, "x", errors.New("once"))
			err := sup.PID().Wait(self)
			var many *supervisor.RestartsError
			if !errors.As(err, &many) || many.Restarts != 4 || !errors.Is(err, errBoom) {
				t.Error(err)
			}
			d.expect(t, "+x !x !x !x")
		})
	}
}

func TestG43_AChildThatFailsToStartForEver(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		x := flaky(&d, "x")
		x.Backoff = supervisor.Backoff{Min: time.Second, Max: 10 * time.Second, Jitter: -1}
		sup := boot(self, spec{Intensity: 3, Children: []child{d.actor("a"), x}})
		crash(t, self, "x", errBoom)
		for range 1000 {
			time.Sleep(9 * time.Second)
			synctest.Wait()
			if got := state(t, self, sup, "x"); got != supervisor.BackingOff {
				t.Fatal(got)
			}
		}
		if n := info(t, self, sup, "x").Restarts; n < 900 {
			t.Error("only", n, "restarts")
		}
		shut(t, self, sup)
	})
}

func TestG43_AnswersWhileItBacksOff(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		x := d.actor("x")
		x.Backoff = supervisor.Backoff{Min: time.Minute, Jitter: -1}
		sup := boot(self, spec{Strategy: supervisor.OneForAll, Children: []child{d.actor("a"), x, d.actor("b")}})
		crash(t, self, "x", errBoom)
		d.expect(t, "+a +x +b -x -b -a +a")
		i := info(t, self, sup, "x")
		if i.State != supervisor.BackingOff || i.Next != time.Now().Add(time.Minute) || i.Reason != errBoom {
			t.Errorf("%+v", i)
		}
		if got := allStates(t, self, sup); got != "a:running, x:backing off, b:waiting" {
			t.Error(got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		d.expect(t, "+x +b")
	})
}

func TestG44_BackoffGrowsAndIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var ev events
		var d diary
		x := d.actor("x")
		x.Backoff = supervisor.Backoff{Min: time.Second, Max: 5 * time.Second, Jitter: -1}
		boot(self, spec{Intensity: 1000, Report: ev.add, Children: []child{x}})
		fall := func() {
			crash(t, self, "x", errBoom)
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		for range 5 {
			fall()
		}
		time.Sleep(6 * time.Second)
		fall()
		var got []time.Duration
		for _, e := range ev.of(supervisor.ChildRestarting) {
			got = append(got, e.Delay/time.Second)
		}
		if fmt.Sprint(got) != "[1ns 2ns 4ns 5ns 5ns 1ns]" {
			t.Error(got)
		}
	})
}
