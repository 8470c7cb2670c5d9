package troupe_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// How processes end, and what their reason is: G10, G12 and G13.

// endings are ways to leave a body, and the reason that follows.
var endings = map[string]struct {
	leave  func() error
	reason error  // nil is a normal end
	panics string // what the text of the PanicError says
}{
	"nil":          {leave: func() error { return nil }},
	"Stop":         {leave: func() error { return troupe.Stop }},
	"wrapped Stop": {leave: func() error { return fmt.Errorf("enough: %w", troupe.Stop) }},
	"error":        {leave: func() error { return errBoom }, reason: errBoom},
	"shutdown":     {leave: func() error { return troupe.ErrShutdown }, reason: troupe.ErrShutdown},
	"Goexit":       {leave: func() error { runtime.Goexit(); return nil }, reason: troupe.ErrGoexit},
	"panic":        {leave: func() error { panic("deep trouble") }, panics: "panic: deep trouble"},
	"panic error":  {leave: func() error { panic(errBoom) }, reason: errBoom, panics: "panic: boom"},
	"panic nil":    {leave: func() error { panic(nil) }, panics: "panic called with nil argument"},
	"panic Stop":   {leave: func() error { panic(fmt.Errorf("no: %w", troupe.Stop)) }, panics: "panic: no: troupe: normal end"},
	"index":        {leave: func() error { return []error{}[runtime.NumCPU()] }, panics: "index out of range"},
}

// bodiesThat are processes of every kind that leave as they are told.
var bodiesThat = map[string]func(self *troupe.Self[none], leave func() error) troupe.Ref[none]{
	"direct": func(self *troupe.Self[none], leave func() error) troupe.Ref[none] {
		return troupe.Spawn(self, func(self *troupe.Self[none]) error { self.Receive(); return leave() }, troupe.Monitored())
	},
	"messages": func(self *troupe.Self[none], leave func() error) troupe.Ref[none] {
		return troupe.Spawn(self, func(self *troupe.Self[none]) error {
			for range self.Messages() {
				return leave()
			}
			return nil
		}, troupe.Monitored())
	},
	"handle": func(self *troupe.Self[none], leave func() error) troupe.Ref[none] {
		return troupe.SpawnHandler(self, handle(func(*troupe.Self[none], troupe.Message[none]) error {
			if err := leave(); err != nil {
				return err
			}
			return troupe.Stop // nil would go on
		}), troupe.Monitored())
	},
	"init": func(self *troupe.Self[none], leave func() error) troupe.Ref[none] {
		return troupe.SpawnHandler(self, parts[none]{init: func(self *troupe.Self[none]) error {
			self.Receive()
			if err := leave(); err != nil {
				return err
			}
			return troupe.Stop
		}}, troupe.Monitored())
	},
	"service": func(self *troupe.Self[none], leave func() error) troupe.Ref[none] {
		starts := make(chan none)
		pid := troupe.Service(func(ctx context.Context) error { <-starts; return leave() }).Spawn(self, troupe.Monitored())
		close(starts)
		r, _ := troupe.RefOf[none](pid)
		return r
	},
}

func TestG10_TheReasonIsWhatTheBodyReturns(t *testing.T) {
	for kind, spawn := range bodiesThat {
		for name, e := range endings {
			t.Run(kind+" "+name, func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					r := spawn(self, e.leave)
					r.Send(self, none{})
					m := next(t, self)
					if m.Event != troupe.Down || m.From != r.PID() {
						t.Fatalf("got %v, want a Down of %v", m, r)
					}
					wantEnding(t, m.Reason, e.reason, e.panics)
					wantEnding(t, r.PID().Wait(self), e.reason, e.panics)
					reason, ended := r.PID().Ended()
					if !ended {
						t.Error("Ended says no")
					}
					wantEnding(t, reason, e.reason, e.panics)
				})
			})
		}
	}
}

func wantEnding(t *testing.T, got, want error, panics string) {
	t.Helper()
	var p *troupe.PanicError
	switch {
	case panics == "" && want == nil && got != nil:
		t.Errorf("reason is %v, want a normal end", got)
	case want != nil && !errors.Is(got, want):
		t.Errorf("reason is %v, want %v", got, want)
	case panics == "" && errors.As(got, &p):
		t.Errorf("reason is a panic, want %v", want)
	case panics == "":
	case !errors.As(got, &p):
		t.Errorf("reason is %v, want a *PanicError", got)
	case !strings.Contains(p.Error(), panics):
		t.Errorf("panic says %q, want %q", p, panics)
	case !strings.Contains(string(p.Stack), "ends_test.go"):
		t.Errorf("the stack does not show who panicked:\n%s", p.Stack)
	}
}

func TestG10_PanicErrorCarriesTheValue(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		troupe.SpawnMonitor(self, func(*troupe.Self[none]) error { panic(numbered{1, 2}) })
		var p *troupe.PanicError
		if m := next(t, self); !errors.As(m.Reason, &p) || p.Value != (numbered{1, 2}) {
			t.Errorf("got %v, want a panic with the value {1 2}", m)
		}
	})
}

func TestG10_DeferredFunctionsRun(t *testing.T) {
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				cleaned := false
				r := troupe.Spawn(self, func(*troupe.Self[none]) error {
					defer func() { cleaned = true }()
					return e.leave()
				})
				r.PID().Wait(self)
				if !cleaned {
					t.Error("the deferred function did not run before the end")
				}
			})
		})
	}
}

// The reason of the root is what Run returns.
func TestG10_RunReturnsTheRootsReason(t *testing.T) {
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := troupe.Run(t.Context(), func(*troupe.Self[none]) error { return e.leave() }, silent())
				wantEnding(t, err, e.reason, e.panics)
			})
		})
	}
}

func TestG12_KillCannotBeTrapped(t *testing.T) {
	for name, spawn := range map[string]func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[int]{
		"direct": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[int] {
			return troupe.Spawn(self, sink[int], opts...)
		},
		"handler": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[int] {
			return troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{
				terminate: func(*troupe.Self[int], error) { t.Error("Terminate was called for a kill") },
			}), opts...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				self.TrapExit(true)
				r := spawn(self, troupe.TrapExits(), troupe.Linked())
				synctest.Wait()
				r.PID().Exit(self, errBoom) // trapped
				wantNothing(t, self)
				wantErr(t, r.PID().Kill(self), nil)
				wantEvent(t, self, troupe.Exit, r.PID(), troupe.ErrKilled)
				wantReason(t, self, r.PID(), troupe.ErrKilled)
			})
		})
	}
}

func TestG12_AKillIsFeltByThoseLinked(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		victim := troupe.Spawn(self, until[none])
		linked := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			self.Link(victim.PID())
			return until(self)
		})
		synctest.Wait()
		victim.PID().Kill(self)
		wantEvent(t, self, troupe.Down, linked.PID(), troupe.ErrKilled)
	})
}

func TestG13_TheFirstExitWins(t *testing.T) {
	exit := func(reason error) func(*troupe.Self[none], troupe.PID) {
		return func(self *troupe.Self[none], pid troupe.PID) { pid.Exit(self, reason) }
	}
	kill := func(self *troupe.Self[none], pid troupe.PID) { pid.Kill(self) }
	for name, c := range map[string]struct {
		first, second func(*troupe.Self[none], troupe.PID)
		want          error
	}{
		"exit exit": {exit(errBoom), exit(errOther), errBoom},
		"exit kill": {exit(errBoom), kill, errBoom},
		"kill exit": {kill, exit(errBoom), troupe.ErrKilled},
		"kill kill": {kill, kill, troupe.ErrKilled},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				cleaned := 0
				r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					defer func() { cleaned++ }()
					<-self.Done()
					time.Sleep(time.Second) // the second comes meanwhile
					return errors.New("not this")
				})
				h := troupe.SpawnHandler(self, parts[none]{
					handle: func(self *troupe.Self[none], _ troupe.Message[none]) error {
						<-self.Done()
						time.Sleep(time.Second)
						return errors.New("not this")
					},
				}, troupe.Monitored())
				h.Send(self, none{})
				synctest.Wait()
				for _, pid := range []troupe.PID{r.PID(), h.PID()} {
					c.first(self, pid)
					c.second(self, pid)
					wantEvent(t, self, troupe.Down, pid, c.want)
				}
				time.Sleep(time.Minute)
				wantNothing(t, self)
				if cleaned != 1 {
					t.Errorf("cleaned up %d times", cleaned)
				}
			})
		})
	}
}

// Many tell one process to end at once: it cleans up once, and all who watch
// hear the same reason, once.
func TestG13_CleanupHappensOnce(t *testing.T) {
	reasons := []error{errBoom, errOther, troupe.ErrShutdown, troupe.ErrGoexit}
	for range 100 {
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			self.TrapExit(true)
			var cleaned atomic.Int64
			ready := make(chan none)
			r := troupe.SpawnHandler(self, parts[none]{
				terminate: func(*troupe.Self[none], error) { cleaned.Add(1) },
			}, troupe.Linked(), troupe.Monitored(), troupe.OnReady(func() { close(ready) }))
			<-ready
			ctx := self.Node().Context(context.Background())
			var storm sync.WaitGroup
			for i := range 4 {
				storm.Go(func() {
					r.Send(ctx, none{})
					r.PID().Exit(ctx, reasons[i])
				})
			}
			storm.Wait()
			a, b := self.Receive(), self.Receive()
			if a.Reason != b.Reason || a.Event == b.Event {
				t.Errorf("heard %v and %v", a, b)
			}
			wantErr(t, r.PID().Wait(self), a.Reason)
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Errorf("one too many: %v", m)
			}
			if n := cleaned.Load(); n != 1 {
				t.Errorf("Terminate was called %d times", n)
			}
		})
	}
}

// A process may end itself from the middle of its body.
func TestG13_OwnExit(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		for _, reason := range []error{nil, troupe.Stop, errBoom} {
			r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
				self.PID().Exit(self, reason)
				if self.Err() == nil {
					t.Error("the context is not cancelled after the own exit")
				}
				return errOther
			})
			m := next(t, self)
			if m.Event != troupe.Down || m.From != r.PID() || troupe.IsNormal(m.Reason) != troupe.IsNormal(reason) || errors.Is(m.Reason, errOther) {
				t.Errorf("got %v, want a Down with reason %v", m, reason)
			}
		}
	})
}
