package troupe_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe"
)

// Names and named addresses.

func TestNames_NamedFollows(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		name := troupe.Named[call]("x")
		wantErr(t, name.Send(self, call{}), troupe.ErrNoProc)
		for i := range 5 {
			r := troupe.Spawn(self, answer, troupe.Name("x"))
			if a, err := troupe.Ask(self, name, i); a != i+1 || err != nil {
				t.Errorf("holder %d answers %d, %v", i, a, err)
			}
			if pid, ok := self.Node().Whereis("/x"); !ok || pid != r.PID() {
				t.Errorf("Whereis says %v, want %v", pid, r)
			}
			wantErr(t, name.PID().Shutdown(self, 0), troupe.ErrShutdown)
			wantErr(t, name.Send(self, call{}), troupe.ErrNoProc)
		}
	})
}

func TestBadDay_NameTakenTwice(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		first := troupe.Spawn(self, until[none], troupe.Name("x"))
		ran := false
		second := troupe.Spawn(self, func(*troupe.Self[none]) error { ran = true; return nil }, troupe.Name("x"), troupe.Monitored())
		m := next(t, self)
		wantMessage(t, m, troupe.Down, second.PID(), troupe.ErrNameTaken)
		handler := troupe.SpawnHandler(self, parts[none]{init: func(*troupe.Self[none]) error { ran = true; return nil }},
			troupe.Name("x"), troupe.Monitored())
		wantEvent(t, self, troupe.Down, handler.PID(), troupe.ErrNameTaken)
		if ran {
			t.Error("a process that did not get its name has run")
		}
		err := self.Register("x")
		wantErr(t, err, troupe.ErrNameTaken)
		for _, text := range []string{m.Reason.Error(), err.Error()} {
			if !strings.Contains(text, first.String()) || !strings.Contains(text, `"x"`) {
				t.Errorf("%q names neither the holder nor the name", text)
			}
		}
		if pid, _ := self.Node().Whereis("x"); pid != first.PID() {
			t.Errorf("the name now belongs to %v", pid)
		}
	})
}

func TestNames_Register(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		for _, name := range []string{"", "/", "a@b", "@"} {
			if err := self.Register(name); err == nil {
				t.Errorf("%q was accepted as a name", name)
			}
		}
		wantErr(t, self.Register("one"), nil)
		wantErr(t, self.Register("/one"), nil) // the same, and mine
		wantErr(t, self.Register("two/three"), nil)
		for _, name := range []string{"one", "/two/three"} {
			wantErr(t, troupe.Named[int](name).Send(self, 1), nil)
			wantBodies(t, self, 1)
		}
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			self.Unregister("one") // not its own
			wantErr(t, self.Register("one"), troupe.ErrNameTaken)
			return nil
		})
		wantReason(t, self, r.PID(), nil)
		self.Unregister("/one")
		self.Unregister("one")
		wantErr(t, troupe.Named[int]("one").Send(self, 1), troupe.ErrNoProc)
		r = troupe.Spawn(self, func(self *troupe.Self[int]) error { return self.Register("one") })
		wantReason(t, self, r.PID(), nil)
	})
}

// A name given up and taken by another stays the other's when the first ends.
func TestNames_AnEndFreesOnlyOwnNames(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		first := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			self.Unregister("x")
			return until(self)
		}, troupe.Name("x"))
		synctest.Wait()
		wantErr(t, self.Register("x"), nil)
		first.PID().Kill(self)
		synctest.Wait()
		if pid, _ := self.Node().Whereis("x"); pid != self.PID() {
			t.Errorf("the name belongs to %v", pid)
		}
	})
}

func TestNames_WaitAndShutdownOfAName(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		name := troupe.Named[none]("x")
		r := troupe.Spawn(self, failing[none](errBoom), troupe.Name("x"))
		ctx := self.Node().Context(context.Background())
		go func() { synctest.Wait(); r.Send(ctx, none{}) }()
		wantErr(t, name.PID().Wait(self), errBoom)
		wantErr(t, name.PID().Wait(self), troupe.ErrNoProc)

		r = troupe.Spawn(self, until[none], troupe.Name("x"))
		synctest.Wait()
		wantErr(t, name.PID().Exit(self, errOther), nil)
		wantReason(t, self, r.PID(), errOther)
		r = troupe.Spawn(self, until[none], troupe.Name("x"))
		wantErr(t, name.PID().Kill(self), nil)
		wantReason(t, self, r.PID(), troupe.ErrKilled)
	})
}

// Many want one name: exactly one has it at any time, and Named finds it.
func TestStorm_OneName(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		var holders, won atomic.Int64
		var all sync.WaitGroup
		for range 6 {
			all.Add(1)
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				defer all.Done()
				for range 300 {
					if self.Register("x") != nil {
						continue
					}
					if n := holders.Add(1); n != 1 {
						t.Errorf("%d hold the name", n)
					}
					won.Add(1)
					holders.Add(-1)
					self.Unregister("x")
				}
				return nil
			})
		}
		all.Wait()
		if won.Load() == 0 {
			t.Error("nobody ever got the name")
		}
	})
}

// Re-registering on Down always succeeds, however many names are about.
func TestStorm_TakeOverOnDown(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		ctx := self.Node().Context(context.Background())
		var heirs sync.WaitGroup
		for _, name := range []string{"a", "b", "c", "d"} {
			heirs.Add(1)
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				defer heirs.Done()
				for range 200 {
					holder := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
						if err := self.Register(name); err != nil {
							return err
						}
						return until(self)
					})
					go holder.PID().Exit(ctx, errBoom)
					m := self.Receive()
					if m.Event != troupe.Down || m.Reason != errBoom {
						t.Errorf("got %v", m)
					}
					wantErr(t, self.Register(name), nil)
					self.Unregister(name)
				}
				return nil
			})
		}
		heirs.Wait()
	})
}
