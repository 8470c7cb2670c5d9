package troupe_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Nodes: Run, its end, and PID.Shutdown, Wait and Ended.

func TestRun_TheRootsEndEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended journal
		pids := make(chan troupe.PID, 4)
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			for _, name := range []string{"a", "b"} {
				pids <- troupe.Spawn(self, func(self *troupe.Self[none]) error {
					pids <- troupe.SpawnHandler(self, parts[none]{terminate: func(_ *troupe.Self[none], reason error) {
						wantErr(t, reason, troupe.ErrShutdown)
						ended.add("handler")
					}}).PID()
					<-self.Done()
					wantErr(t, context.Cause(self), troupe.ErrShutdown)
					ended.add("direct")
					return nil
				}, troupe.Name(name)).PID()
				synctest.Wait()
			}
		})
		if got := ended.String(); strings.Count(got, "handler") != 2 || strings.Count(got, "direct") != 2 {
			t.Errorf("ended: %s", got)
		}
		close(pids)
		for pid := range pids {
			reason, over := pid.Ended()
			if !over || !errors.Is(reason, troupe.ErrShutdown) {
				t.Errorf("%v ended: %v with %v", pid, over, reason)
			}
		}
	})
}

// The end of Run's context ends the root with ErrShutdown. That was asked for,
// so it is no error.
func TestRun_TheContextsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		body func(*troupe.Self[none]) error
		want error
	}{
		"returns":  {until[none], nil},
		"cause":    {func(self *troupe.Self[none]) error { <-self.Done(); return context.Cause(self) }, nil},
		"trapping": {func(self *troupe.Self[none]) error { self.TrapExit(true); self.Receive(); return nil }, nil},
		"trap err": {func(self *troupe.Self[none]) error { self.TrapExit(true); self.Receive(); return errBoom }, errBoom},
		"earlier":  {func(self *troupe.Self[none]) error { return errBoom }, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := troupe.Run(ctx, c.body, silent())
				if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("Run returned %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestRun_AnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantErr(t, troupe.Run(ctx, until[none], silent()), nil)
	})
}

// A shutdown that nobody asked Run for is an error.
func TestRun_RootShutDownFromInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := troupe.Run(t.Context(), func(self *troupe.Self[none]) error {
			root := self.PID()
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				wantErr(t, root.Shutdown(self, time.Second), troupe.ErrShutdown)
				return nil
			})
			return until(self)
		}, silent())
		wantErr(t, err, troupe.ErrShutdown)
	})
}

func TestBadDay_ShutdownDuringStart(t *testing.T) {
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		var started sync.WaitGroup
		started.Go(cancel)
		err := troupe.Run(ctx, func(self *troupe.Self[none]) error {
			for range 20 {
				troupe.SpawnLink(self, func(self *troupe.Self[none]) error {
					troupe.SpawnHandler(self, parts[none]{init: func(self *troupe.Self[none]) error { <-self.Done(); return nil }})
					return until(self)
				})
			}
			return until(self)
		}, silent())
		wantErr(t, err, nil)
		started.Wait()
	}
}

// Processes spawn processes as fast as they can when the node is told to end.
func TestBadDay_ANodeEndsWhileProcessesSpawn(t *testing.T) {
	for round := range 10 {
		ctx, cancel := context.WithCancel(context.Background())
		var spawned, ran atomic.Int64
		var node *troupe.Node
		var spread func(self *troupe.Self[none]) error
		spread = func(self *troupe.Self[none]) error {
			ran.Add(1)
			for self.Err() == nil {
				switch n := spawned.Add(1); {
				case n > 3000:
					return until(self)
				case n%100 == 0:
					troupe.Spawn(self, spread)
				case n%2 == 0:
					troupe.Spawn(self, until[none], troupe.Linked())
				default:
					troupe.SpawnHandler(self, parts[none]{}, troupe.Monitored()).Send(self, none{})
				}
			}
			return nil
		}
		timer := time.AfterFunc(time.Duration(round)*200*time.Microsecond, cancel)
		err := troupe.Run(ctx, func(self *troupe.Self[none]) error {
			node = self.Node()
			for range 3 {
				troupe.Spawn(self, spread)
			}
			return until(self)
		}, silent())
		timer.Stop()
		cancel()
		wantErr(t, err, nil)
		if node == nil {
			continue // the root was told to end before it ran
		}
		if n := node.Len(); n != 0 {
			t.Errorf("round %d: %d processes are left of %d", round, n, spawned.Load())
		}
	}
}

// After its end a node starts nothing and tells everybody so.
func TestRun_AfterTheEnd(t *testing.T) {
	play(t, func(t *testing.T, outer *troupe.Self[none]) {
		var old *troupe.Self[none]
		var r troupe.Ref[int]
		wantErr(t, troupe.Run(outer, func(self *troupe.Self[none]) error {
			old, r = self, troupe.Spawn(self, until[int], troupe.Name("x"))
			return nil
		}, silent()), nil)
		ctx := old.Node().Context(context.Background())
		wantErr(t, r.Send(ctx, 1), troupe.ErrNoProc)
		wantErr(t, troupe.Named[int]("x").Send(ctx, 1), troupe.ErrNoProc)
		wantErr(t, r.PID().Wait(ctx), troupe.ErrShutdown)
		child := troupe.Spawn(old, func(*troupe.Self[none]) error { t.Error("it runs"); return nil })
		wantErr(t, child.PID().Wait(ctx), troupe.ErrShutdown)
		if n := old.Node().Len(); n != 0 || len(old.Node().Processes()) != 0 {
			t.Errorf("%d processes: %v", n, old.Node().Processes())
		}
	})
}

// Several nodes in one program know nothing of each other, but messages go from
// one to the other.
func TestRun_SeveralNodes(t *testing.T) {
	play(t, func(t *testing.T, first *troupe.Self[int]) {
		first.Register("x")
		wantErr(t, troupe.Run(t.Context(), func(second *troupe.Self[int]) error {
			wantErr(t, second.Register("x"), nil)
			m := second.Monitor(first.PID())
			defer m.Cancel()
			troupe.Named[int]("x").Send(second, 2)
			wantBodies(t, second, 2)
			first.Ref().Send(second, 1)
			return nil
		}, silent()), nil)
		wantBodies(t, first, 1)
		wantNothing(t, first)
	})
}

func TestRun_LogsWhatNobodyHears(t *testing.T) {
	var book logbook
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		troupe.Spawn(self, func(*troupe.Self[none]) error { return errBoom }, troupe.Name("unheard"))
		troupe.Spawn(self, func(*troupe.Self[none]) error { panic("ouch") }, troupe.Name("panicking"))
		for _, quiet := range []error{nil, troupe.Stop, troupe.ErrShutdown, troupe.ErrKilled} {
			troupe.Spawn(self, func(*troupe.Self[none]) error { return quiet }, troupe.Name("quiet"))
			synctest.Wait()
		}
		troupe.SpawnMonitor(self, func(*troupe.Self[none]) error { return errBoom }, troupe.Name("quiet"))
		self.TrapExit(true)
		troupe.SpawnLink(self, func(*troupe.Self[none]) error { return errBoom })
		asked := troupe.Spawn(self, failing[call](errBoom), troupe.Name("quiet2"))
		troupe.Ask(self, asked, 1)
		synctest.Wait()
	}, book.option())
	log := book.String()
	for _, want := range []string{"unheard", "reason=boom", "panicking", "ouch", "stack="} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if strings.Count(log, "\n") != 2 || strings.Contains(log, "quiet") {
		t.Errorf("logged: %s", log)
	}
}

func TestShutdown(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		for name, c := range map[string]struct {
			body   func(*troupe.Self[none]) error
			opts   []troupe.SpawnOption
			within time.Duration
			want   error
			took   time.Duration
		}{
			"willing":  {until[none], nil, time.Second, troupe.ErrShutdown, 0},
			"for ever": {until[none], nil, -1, troupe.ErrShutdown, 0},
			"slow": {func(self *troupe.Self[none]) error { <-self.Done(); time.Sleep(time.Second); return nil },
				nil, time.Minute, troupe.ErrShutdown, time.Second},
			"trapping": {sink[none], []troupe.SpawnOption{troupe.TrapExits()}, time.Minute, troupe.ErrKilled, time.Minute},
			"trapping for ever": {func(self *troupe.Self[none]) error {
				wantEvent(t, self, troupe.Exit, self.Parent(), troupe.ErrShutdown)
				time.Sleep(time.Hour)
				return errBoom
			}, []troupe.SpawnOption{troupe.TrapExits()}, -1, errBoom, time.Hour},
			"stubborn": {func(*troupe.Self[none]) error { time.Sleep(time.Hour); return nil }, nil, 2 * time.Second,
				troupe.ErrShutdown, 2 * time.Second},
		} {
			r := troupe.Spawn(self, c.body, c.opts...)
			synctest.Wait()
			start := time.Now()
			if err := r.PID().Shutdown(self, c.within); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", name, err, c.want)
			}
			if d := time.Since(start); d != c.took {
				t.Errorf("%s: it took %v, want %v", name, d, c.took)
			}
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestShutdown_GivenUp(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[none]) error { <-self.Done(); time.Sleep(3 * time.Second); return nil })
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(self, time.Second, errOther)
		defer cancel()
		wantErr(t, r.PID().Shutdown(ctx, 2*time.Second), errOther)
		if _, ended := r.PID().Ended(); ended {
			t.Error("it has ended already")
		}
		start := time.Now()
		wantErr(t, r.PID().Wait(self), troupe.ErrShutdown)
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("it ended after %v, want 2s: the shutdown's kill was called off", d)
		}
	})
}

func TestWait(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(*troupe.Self[none]) error { time.Sleep(time.Second); return errBoom })
		if reason, ended := r.PID().Ended(); ended || reason != nil {
			t.Errorf("Ended says %v, %v for a living process", reason, ended)
		}
		ctx, cancel := context.WithTimeoutCause(self, time.Millisecond, errOther)
		defer cancel()
		wantErr(t, r.PID().Wait(ctx), errOther)
		for range 3 {
			wantErr(t, r.PID().Wait(self), errBoom)
		}
		wantErr(t, (troupe.PID{}).Wait(self), troupe.ErrNoProc)
		if err := self.PID().Wait(self); err == nil {
			t.Error("a process has waited for its own end")
		}
		if err := self.PID().Shutdown(self, 0); err == nil || self.Err() != nil {
			t.Error("a process has shut itself down and waits for that")
		}
	})
}
