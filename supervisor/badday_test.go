package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func TestBadDay_KillOfTheSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		in := spec{Children: []child{d.actor("x"), d.slow("y", time.Second)}, Report: func(supervisor.Event) {}}
		sup := boot(self, spec{Children: []child{d.actor("a"), {Name: "in", Body: in.Body()}, d.late("b", time.Hour)}})
		d.expect(t, "+a +x +y b…")
		must(t, sup.PID().Kill(self))
		time.Sleep(2 * time.Second)
		noChildren(t, self)
	})
}

func TestBadDay_ChildThatTrapsExitsDoesNotOutliveAKilledSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		sup := boot(self, spec{Children: []child{
			trapping("a", 0), trapping("b", 7*time.Second), trapping("c", supervisor.Brutal),
		}})
		must(t, sup.PID().Kill(self))
		synctest.Wait()
		if n := len(self.Children()); n != 2 {
			t.Error("at once:", n)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := len(self.Children()); n != 1 {
			t.Error("after 5 s:", n)
		}
		time.Sleep(2 * time.Second)
		noChildren(t, self)
	})
}

func TestBadDay_KillOfASupervisorThatRestartsAllTheTime(t *testing.T) {
	for range 50 {
		inNode(t, func(t *testing.T, self *root) {
			sup := launch(self, spec{Intensity: 1 << 40, Children: []child{
				{Name: "a", Body: troupe.Service(func(context.Context) error { return errBoom })},
				{Name: "b", Body: troupe.Service(func(context.Context) error { return errBoom })},
				{Body: troupe.Service(func(ctx context.Context) error { <-ctx.Done(); return nil })},
			}})
			for range rand.IntN(3000) {
				sup.PID().Path()
			}
			must(t, sup.PID().Kill(self))
			must2(t, sup.PID().Wait(self), troupe.ErrKilled)
			for _, p := range self.Children() {
				ctx, cancel := context.WithTimeout(self, 10*time.Second)
				if p.Wait(ctx); ctx.Err() != nil {
					t.Error("an orphan:", p)
				}
				cancel()
			}
		})
	}
}

func must2(t *testing.T, got, want error) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBadDay_TheNodeEndsWhileChildrenStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		in := spec{Children: []child{d.actor("x"), d.late("y", time.Hour)}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		app := spec{Children: []child{d.actor("a"), {Name: "in", Body: in.Body()}, d.actor("b")}}
		must(t, troupe.Run(ctx, app.Run))
		d.expect(t, "+a +x y… -y -x -a")
	})
}

func TestBadDay_TheNodeEndsWhileASupervisorRunsBesideTheRoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live atomic.Int32
		err := troupe.Run(t.Context(), func(self *root) error {
			sup := troupe.Spawn(self, spec{Intensity: 1 << 40, Report: func(supervisor.Event) {}}.Run)
			for range 100 {
				_, err := supervisor.Add(self, sup, child{Body: troupe.Service(func(ctx context.Context) error {
					live.Add(1)
					defer live.Add(-1)
					select {
					case <-ctx.Done():
					case <-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond):
					}
					return errBoom
				})})
				must(t, err)
			}
			time.Sleep(time.Minute)
			return nil
		})
		must(t, err)
		if n := live.Load(); n != 0 {
			t.Error(n, "are left")
		}
	})
}

func TestBadDay_ExitSignalsFromOthers(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Children: []child{d.actor("a"), {Name: "rude", Body: troupe.Function(func(self *troupe.Self[int]) error {
			must(t, self.Parent().Exit(self, errBoom)) // a child cannot end its supervisor
			self.Receive()
			return nil
		})}}})
		stranger := troupe.Spawn(self, func(s *troupe.Self[int]) error {
			s.Link(sup.PID())
			return nil // a normal end of a stranger is not felt
		})
		must(t, stranger.PID().Wait(self))
		must(t, sup.PID().Exit(self.Node().Context(t.Context()), nil))
		synctest.Wait()
		if got := allStates(t, self, sup); got != "a:running, rude:running" {
			t.Error(got)
		}
		must(t, sup.PID().Exit(self.Node().Context(t.Context()), errBoom))
		if err := sup.PID().Wait(self); err != errBoom {
			t.Error(err)
		}
		d.expect(t, "+a -a")
	})
}

func TestBadDay_TheParentEnds(t *testing.T) {
	for _, reason := range []error{nil, errBoom} {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			parent := troupe.Spawn(self, func(s *troupe.Self[int]) error {
				troupe.SpawnLink(s, spec{Children: []child{d.actor("a")}, Report: func(supervisor.Event) {}}.Run)
				s.Receive()
				return reason
			})
			synctest.Wait()
			must(t, parent.Send(self, 1))
			noChildren(t, self)
			d.expect(t, "+a -a")
		})
	}
}

func TestBadDay_ChildUnlinksItself(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		n := 0
		boot(self, spec{Children: []child{{Name: "x", Body: troupe.Function(func(self *troupe.Self[int]) error {
			self.Unlink(self.Parent())
			if n++; n == 1 {
				return errBoom
			}
			self.Receive()
			return nil
		})}}})
		if n != 2 {
			t.Error("it was not restarted:", n)
		}
	})
}

func TestBadDay_ReportPanics(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		old := slog.Default()
		defer slog.SetDefault(old)
		slog.SetDefault(slog.New(slog.DiscardHandler))
		var d diary
		sup := boot(self, spec{Report: func(supervisor.Event) { panic("report") }, Children: []child{d.actor("a")}})
		crash(t, self, "a", errBoom)
		if got := state(t, self, sup, "a"); got != supervisor.Running {
			t.Error(got)
		}
	})
}

func TestBadDay_GoexitInAGateEndsTheSupervisorAndItsChildren(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := launch(self, spec{Children: []child{d.actor("a"), trapping("b", time.Second), with(d.actor("x"), func(c *child) {
			c.Gate = func() error { t.SkipNow(); return nil }
		})}})
		if err := sup.PID().Wait(self); err != troupe.ErrGoexit {
			t.Error(err)
		}
		time.Sleep(time.Second)
		noChildren(t, self)
	})
}

func TestBadDay_BrokenChildInsideATree(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		quiet := func(supervisor.Event) {}
		low := spec{Intensity: 2, Report: quiet, Children: []child{d.actor("ok"), flaky(&d, "x")}}
		top := spec{Intensity: 1, Children: []child{d.actor("a"), {Name: "low", Body: low.Body()}}}
		sup := boot(self, top)
		must(t, troupe.Named[error]("sup/low/x").Send(self, errBoom))
		err := sup.PID().Wait(self)
		want := `supervisor: gave up after 2 restarts within 5s, the last one of child "low": supervisor: child "x" did not start: boom`
		if err == nil || err.Error() != want || !errors.Is(err, errBoom) {
			t.Error(err)
		}
		d.expect(t, "+a +ok +x !x !x -ok +ok !x -ok -a")
	})
}

func TestBadDay_ZombieChildIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		n := 0
		sup := boot(self, spec{Children: []child{{Name: "x", Shutdown: time.Second, Body: troupe.Function(func(self *troupe.Self[int]) error {
			if n++; n == 1 {
				time.Sleep(time.Hour) // looks at nothing
				return nil
			}
			self.Receive()
			return nil
		})}}})
		old := info(t, self, sup, "x").PID
		pid, err := supervisor.Restart(self, sup, "x")
		if err != nil || pid == old {
			t.Error(pid, err)
		}
		if where, _ := self.Node().Whereis("sup/x"); where != pid {
			t.Error(where)
		}
		time.Sleep(time.Hour)
	})
}

func TestBadDay_Storm(t *testing.T) {
	for _, strategy := range strategies {
		inNode(t, func(t *testing.T, self *root) { storm(t, self, strategy) })
	}
}

// storm lets people give orders at random to children that fail at random, and
// then expects that everything can still be stopped.
func storm(t *testing.T, self *root, strategy supervisor.Strategy) {
	body := troupe.Function(func(self *troupe.Self[error]) error {
		if rand.IntN(10) == 0 {
			return errBoom
		}
		self.Ready()
		for m := range self.Messages() {
			return m.Body
		}
		return nil
	}).AwaitReady()
	names := strings.Split("abcdefgh", "")
	var children []child
	for i, n := range names {
		children = append(children, child{Name: n, Body: body, Restart: supervisor.Policy(i % 2), Gate: func() error {
			if rand.IntN(20) == 0 {
				return errBoom
			}
			return nil
		}})
	}
	sup := launch(self, spec{Strategy: strategy, Intensity: 1 << 40})
	for _, c := range children {
		supervisor.Add(self, sup, c)
	}
	ctx := self.Node().Context(context.Background())
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 300 {
				disturb(ctx, sup, children[rand.IntN(len(children))])
			}
		}()
	}
	for range 4 {
		<-done
	}
	settle(t, self, sup, names)
	shut(t, self, sup)
}

func disturb(ctx context.Context, sup ref, c child) {
	switch rand.IntN(8) {
	case 0:
		supervisor.Stop(ctx, sup, c.Name)
	case 1:
		supervisor.Restart(ctx, sup, c.Name)
	case 2:
		supervisor.Remove(ctx, sup, c.Name)
	case 3, 4:
		supervisor.Add(ctx, sup, c)
	case 5:
		supervisor.Start(ctx, sup, c.Name)
	default:
		troupe.Named[error]("sup/"+c.Name).Send(ctx, errBoom)
	}
}

// settle starts what is not running until everything is.
func settle(t *testing.T, self *root, sup ref, names []string) {
	for try := 0; ; try++ {
		tally, err := supervisor.Count(self, sup)
		must(t, err)
		if tally.Running == tally.Children {
			return
		}
		if try > 10000 {
			t.Error("does not settle:", fmt.Sprintf("%+v", tally))
			return
		}
		for _, n := range names {
			supervisor.Start(self, sup, n)
		}
	}
}

// Whoever asks a name while its holder crashes and is restarted hears of a crash
// or gets an answer; never that there is nobody.
