package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func TestG44_QuestionsToTheNameWaitForTheSuccessor(t *testing.T) {
	type call = troupe.Call[error, string]
	for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll} {
		bubble(t, func(t *testing.T, self *root) {
			n := 0
			echo := child{Name: "echo", Backoff: supervisor.Backoff{Min: time.Minute, Jitter: -1},
				Body: troupe.Function(func(self *troupe.Self[call]) error {
					n++
					for m := range self.Messages() {
						if m.Body.Request != nil {
							return m.Body.Request
						}
						m.Body.Reply(self, fmt.Sprint("number ", n))
					}
					return nil
				})}
			var d diary
			sup := boot(self, spec{Strategy: strategy, Children: []child{echo, d.actor("b")}})
			to := troupe.Named[call]("sup/echo")
			if _, err := troupe.Ask(self, to, errBoom); err != errBoom {
				t.Error(err)
			}
			began := time.Now()
			got, err := troupe.Ask(self, to, nil)
			if got != "number 2" || err != nil || time.Since(began) != time.Minute {
				t.Error(got, err, time.Since(began))
			}
			if _, err := troupe.Ask(self, to, errBoom); err != errBoom {
				t.Error(err)
			}
			time.AfterFunc(time.Second, func() { // while it backs off
				if err := supervisor.Stop(self.Node().Context(t.Context()), sup, "echo"); err != nil {
					t.Error(err)
				}
			})
			began = time.Now()
			if _, err = troupe.Ask(self, to, nil); err != troupe.ErrNoProc || time.Since(began) != time.Second {
				t.Error(err, time.Since(began))
			}
		})
	}
}

func TestG44_AskersHearAtOnceThatTheSupervisorGivesUp(t *testing.T) {
	type call = troupe.Call[error, string]
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := boot(self, spec{Intensity: -1, Children: []child{
			with(d.slow("a", time.Second), func(c *child) {}),
			{Name: "echo", Body: troupe.Function(func(self *troupe.Self[call]) error {
				return self.Receive().Body.Request
			})},
		}})
		to := troupe.Named[call]("sup/echo")
		began := time.Now()
		if _, err := troupe.Ask(self, to, errBoom); err != errBoom {
			t.Error(err)
		}
		if _, err := troupe.Ask(self, to, nil); err != troupe.ErrNoProc || time.Since(began) != 0 {
			t.Error(err, time.Since(began))
		}
		if err := sup.PID().Wait(self); !errors.Is(err, errBoom) {
			t.Error(err)
		}
	})
}

func TestBadDay_AskersAlwaysFindTheSuccessor(t *testing.T) {
	type call = troupe.Call[bool, int]
	body := troupe.Function(func(self *troupe.Self[call]) error {
		self.Ready()
		for m := range self.Messages() {
			if m.Body.Request {
				return errBoom
			}
			m.Body.Reply(self, 1)
		}
		return nil
	}).AwaitReady()
	inNode(t, func(t *testing.T, self *root) {
		var up atomic.Bool
		sup := troupe.Spawn(self, spec{Intensity: 1 << 40, Report: func(supervisor.Event) {}, Children: []child{{Name: "x", Body: body}}}.Run,
			troupe.Name("sup"), troupe.OnReady(func() { up.Store(true) }))
		for !up.Load() {
			time.Sleep(0)
		}
		x := troupe.Named[call]("sup/x")
		ctx := self.Node().Context(context.Background())
		done := make(chan error, 4)
		for n := range 4 {
			go func() {
				for i := range 500 {
					if _, err := troupe.Ask(ctx, x, i%5 == n); err != nil && err != errBoom {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 4 {
			must(t, <-done)
		}
		shut(t, self, sup)
	})
}

func TestBadDay_SuccessorsWaitForTheChildrenOfAKilledSupervisor(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			in := spec{Strategy: strategy, Report: func(supervisor.Event) {}, Children: []child{
				d.slow("x", time.Second), d.slow("y", 3*time.Second), trapping("z", 4*time.Second),
			}}
			sup := boot(self, spec{Children: []child{{Name: "in", Body: in.Body()}}})
			must(t, info(t, self, sup, "in").PID.Kill(self))
			synctest.Wait()
			time.Sleep(2 * time.Second)
			d.expect(t, "+x +y -x +x")
			inner := troupe.Named[supervisor.Request]("sup/in")
			if got := allStates(t, self, inner); got != "x:running, y:waiting, z:waiting" {
				t.Error(got)
			}
			must(t, supervisor.Stop(self, inner, "y")) // may be stopped while it waits
			if _, err := supervisor.Start(self, inner, "y"); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			d.expect(t, "-y +y")
			if i := info(t, self, sup, "in"); i.Restarts != 1 || i.State != supervisor.Running {
				t.Errorf("%+v", i)
			}
			if got := allStates(t, self, inner); got != "x:running, y:running, z:running" {
				t.Error(got)
			}
		})
	}
}

func TestBadDay_AForeignHolderOfTheName(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			sup := boot(self, spec{Strategy: strategy, Children: []child{d.actor("a")}})
			must(t, self.Register("sup/x"))
			began := time.Now()
			_, err := supervisor.Add(self, sup, with(d.actor("x"), func(c *child) { c.Shutdown = time.Second }))
			if !errors.Is(err, troupe.ErrNameTaken) || time.Since(began) != time.Second {
				t.Error(err, time.Since(began))
			}
			if _, err = supervisor.Add(self, sup, d.actor("x")); !errors.Is(err, troupe.ErrNameTaken) {
				t.Error(err)
			}
			if got := allStates(t, self, sup); got != "a:running" {
				t.Error(got)
			}
			self.Unregister("sup/x")
			must(t, second(supervisor.Add(self, sup, d.actor("x"))))
		})
	}
}
