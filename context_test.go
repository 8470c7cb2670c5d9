package troupe_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Self is the process's context.

func TestContext_IsCancelledWhenTheProcessIsToldToEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(self *troupe.Self[none], pid troupe.PID)
		want error
	}{
		"exit":     {func(self *troupe.Self[none], pid troupe.PID) { pid.Exit(self, errBoom) }, errBoom},
		"kill":     {func(self *troupe.Self[none], pid troupe.PID) { pid.Kill(self) }, troupe.ErrKilled},
		"shutdown": {func(self *troupe.Self[none], pid troupe.PID) { pid.Shutdown(self, time.Hour) }, troupe.ErrShutdown},
	} {
		for _, early := range []bool{true, false} { // whether anybody asked for Done before
			t.Run(name, func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					r := troupe.Spawn(self, func(self *troupe.Self[none]) error {
						derived, cancel := context.WithTimeout(context.WithValue(self, t, 1), time.Hour)
						defer cancel()
						if self.Err() != nil || derived.Err() != nil {
							t.Error("cancelled before the end")
						}
						if early {
							<-derived.Done()
						} else {
							self.Receive()
						}
						<-self.Done()
						for _, ctx := range []context.Context{self, derived} {
							wantErr(t, ctx.Err(), context.Canceled)
							wantErr(t, context.Cause(ctx), c.want)
						}
						return nil
					})
					synctest.Wait()
					c.end(self, r.PID())
					wantReason(t, self, r.PID(), c.want)
				})
			})
		}
	}
}

func TestContext_IsCancelledAfterANormalEnd(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var ctx context.Context
		r := troupe.Spawn(self, func(self *troupe.Self[none]) error { ctx = self; return nil })
		wantReason(t, self, r.PID(), nil)
		<-ctx.Done()
		wantErr(t, ctx.Err(), context.Canceled)
	})
}

// A goroutine started with the process's context hears of its end.
func TestContext_AfterFunc(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		heard := make(chan none)
		r := troupe.SpawnHandler(self, parts[none]{init: func(self *troupe.Self[none]) error {
			context.AfterFunc(self, func() { close(heard) })
			return nil
		}})
		synctest.Wait()
		r.PID().Exit(self, errBoom)
		<-heard
	})
}

// A process that traps exits is not told to end by a signal it has trapped.
func TestContext_OfOneThatTraps(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		self.TrapExit(true)
		troupe.SpawnLink(self, func(*troupe.Self[none]) error { return errBoom })
		next(t, self)
		if self.Err() != nil {
			t.Error("the context is cancelled by a trapped exit")
		}
	})
}

func TestContext_DerivedOnesKnowTheSender(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		timeout, cancel := context.WithTimeout(self, time.Hour)
		defer cancel()
		for i, ctx := range []context.Context{
			self, timeout, context.WithValue(timeout, t, 1), context.WithoutCancel(timeout), troupe.Beside(self),
			self.Node().Context(self),
		} {
			self.Ref().Send(ctx, i)
			if m := next(t, self); m.From != self.PID() || m.Body != i {
				t.Errorf("context %d: got %v", i, m)
			}
		}
		for i, ctx := range []context.Context{context.Background(), self.Node().Context(context.Background())} {
			self.Ref().Send(ctx, i)
			if m := next(t, self); m.From != (troupe.PID{}) {
				t.Errorf("from outside: got %v", m)
			}
		}
		child := troupe.Spawn(timeout, func(self *troupe.Self[none]) error {
			if self.Parent() != rootOf(self) {
				t.Error("a derived context does not tell the parent")
			}
			return nil
		})
		wantReason(t, self, child.PID(), nil)
	})
}

// rootOf returns the root, for a child of it.
func rootOf(self *troupe.Self[none]) troupe.PID { return self.Node().Processes()[0].PID }

type key struct{}

func TestContext_ValuesOfRunsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.WithValue(t.Context(), key{}, "value")
		err := troupe.Run(ctx, func(self *troupe.Self[none]) error {
			r := troupe.SpawnHandler(self, handle(func(self *troupe.Self[none], _ troupe.Message[none]) error {
				if v := self.Value(key{}); v != "value" {
					t.Errorf("the value is %v", v)
				}
				if v := self.Value("other"); v != nil {
					t.Errorf("an unknown key has the value %v", v)
				}
				if _, ok := self.Deadline(); ok {
					t.Error("it has a deadline")
				}
				return troupe.Stop
			}))
			r.Send(self, none{})
			return r.PID().Wait(self)
		}, silent())
		wantErr(t, err, nil)
	})
}

func TestContext_SpawnNeedsAProcess(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Spawn with a foreign context did not panic")
		}
	}()
	troupe.Spawn(context.Background(), until[none])
}

// A node may run inside a process of another; each knows its own.
func TestContext_ANodeInsideAProcess(t *testing.T) {
	play(t, func(t *testing.T, outer *troupe.Self[int]) {
		err := troupe.Run(outer, func(inner *troupe.Self[int]) error {
			if inner.Node() == outer.Node() || inner.Path() != "/" {
				t.Error("the inner root is not a root of its own")
			}
			derived, cancel := context.WithCancel(inner)
			defer cancel()
			outer.Ref().Send(derived, 1)
			return errBoom
		}, silent())
		wantErr(t, err, errBoom)
		if m := next(t, outer); m.From == outer.PID() || m.Body != 1 {
			t.Errorf("got %v, want it from the inner root", m)
		}
		// The end of the outer process ends the inner node.
		r := troupe.Spawn(outer, func(self *troupe.Self[none]) error {
			err := troupe.Run(self, until[int], silent())
			if err != nil {
				t.Errorf("the inner node ended with %v", err)
			}
			return errors.Join(err)
		})
		synctest.Wait()
		wantErr(t, r.PID().Shutdown(outer, time.Second), troupe.ErrShutdown)
	})
}
