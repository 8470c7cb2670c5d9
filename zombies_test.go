package troupe_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Processes that do not end when they are told: G17.

// hang waits for more than any grace; its name is looked for in stacks.
func hang() { time.Sleep(time.Hour) }

// stubborn are bodies that do not return when they are told to end, until an
// hour has passed.
var stubborn = map[string]func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[none]{
	"direct": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[none] {
		return troupe.Spawn(self, func(*troupe.Self[none]) error { hang(); return nil }, opts...)
	},
	"cleanup": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[none] {
		return troupe.Spawn(self, func(self *troupe.Self[none]) error { defer hang(); return until(self) }, opts...)
	},
	"init": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[none] {
		return troupe.SpawnHandler(self, parts[none]{
			init: func(*troupe.Self[none]) error { hang(); return nil },
		}, opts...)
	},
	"handle": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[none] {
		r := troupe.SpawnHandler(self, handle(func(*troupe.Self[none], troupe.Message[none]) error { hang(); return nil }), opts...)
		r.Send(self, none{})
		return r
	},
	"terminate": func(self *troupe.Self[none], opts ...troupe.SpawnOption) troupe.Ref[none] {
		return troupe.SpawnHandler(self, parts[none]{terminate: func(*troupe.Self[none], error) { hang() }}, opts...)
	},
}

func TestG17_OneThatDoesNotEndIsAZombie(t *testing.T) {
	for kind, spawn := range stubborn {
		t.Run(kind, func(t *testing.T) {
			var book logbook
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				const grace = 3 * time.Second
				r := spawn(self, troupe.Grace(grace), troupe.Monitored(), troupe.Name("stubborn"))
				synctest.Wait()
				start := time.Now()
				r.PID().Exit(self, errBoom)
				wantEvent(t, self, troupe.Down, r.PID(), errBoom)
				if d := time.Since(start); d != grace {
					t.Errorf("it was fenced after %v, want %v", d, grace)
				}
				if _, taken := self.Node().Whereis("stubborn"); taken {
					t.Error("the zombie owns its name")
				}
				synctest.Wait()
				wantZombie(t, self.Node(), r.PID(), start.Add(grace), ".hang(")
				time.Sleep(2 * time.Hour)
				if z := self.Node().Zombies(); len(z) != 0 {
					t.Errorf("after its goroutine returned it is still a zombie: %v", z)
				}
				wantErr(t, r.PID().Wait(self), errBoom)
			}, book.option())
			for _, want := range []string{"zombie", "stubborn", "boom", ".hang("} {
				if !strings.Contains(book.String(), want) {
					t.Errorf("the log does not say %q: %s", want, book.String())
				}
			}
			if n := strings.Count(book.String(), "level=ERROR"); n != 1 {
				t.Errorf("%d lines in the log, want 1: %s", n, book.String())
			}
		})
	}
}

func wantZombie(t *testing.T, n *troupe.Node, pid troupe.PID, since time.Time, stack string) {
	t.Helper()
	z := n.Zombies()
	if len(z) != 1 {
		t.Errorf("%d zombies, want 1: %v", len(z), z)
		return
	}
	if z[0].PID != pid || !z[0].Since.Equal(since) || !strings.Contains(z[0].Stack, stack) {
		t.Errorf("zombie %v since %v with stack %q, want %v since %v with %q", z[0].PID, z[0].Since, z[0].Stack, pid, since, stack)
	}
}

// A kill fences at once; only the report waits for the grace.
func TestG17_AKillFencesAtOnce(t *testing.T) {
	for kind, spawn := range stubborn {
		if kind == "cleanup" || kind == "terminate" {
			continue // they do not hang when nothing is called
		}
		t.Run(kind, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := spawn(self, troupe.Monitored())
				synctest.Wait()
				start := time.Now()
				r.PID().Kill(self)
				wantEvent(t, self, troupe.Down, r.PID(), troupe.ErrKilled)
				if d := time.Since(start); d != 0 {
					t.Errorf("the kill took %v", d)
				}
				if z := self.Node().Zombies(); len(z) != 0 {
					t.Errorf("a zombie before its grace is over: %v", z)
				}
				time.Sleep(6 * time.Second)
				wantZombie(t, self.Node(), r.PID(), start.Add(5*time.Second), ".hang(")
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// Run does not wait for zombies: it returns after the longest grace, and the
// goroutines go when they go.
func TestG17_RunDoesNotWaitForZombies(t *testing.T) {
	for kind, spawn := range stubborn {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var start time.Time
				stage(t, func(t *testing.T, self *troupe.Self[none]) {
					spawn(self, troupe.Grace(time.Second))
					spawn(self, troupe.Grace(10*time.Second))
					spawn(self, troupe.Grace(0))
					time.Sleep(time.Second) // on one processor, handlers that hang get there one by one
					start = time.Now()
				})
				if d := time.Since(start); d < 10*time.Second || d > 10*time.Second+100*time.Millisecond {
					t.Errorf("Run returned after %v, want 10s", d)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

func TestG17_ANegativeGraceWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			stubborn["direct"](self, troupe.Grace(-1))
			synctest.Wait()
		})
		if d := time.Since(start); d != time.Hour {
			t.Errorf("Run returned after %v, want 1h", d)
		}
	})
}

// Everything a zombie may try is refused, and nobody notices it.
func TestG17_AZombieIsFenced(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		me := self.Ref()
		asked := make(chan call, 1)
		tried := make(chan none)
		r := troupe.Spawn(self, func(z caller) error {
			asked <- next(t, z).Body
			<-time.After(time.Minute)
			defer close(tried)
			derived, cancel := context.WithTimeout(z, time.Minute)
			defer cancel()
			for _, ctx := range []context.Context{z, derived, context.WithoutCancel(z), troupe.Beside(z)} {
				wantErr(t, me.Send(ctx, 1), troupe.ErrKilled)
				wantErr(t, me.SendUrgent(ctx, 1), troupe.ErrKilled)
				wantErr(t, troupe.Message[int]{From: me.PID()}.Reply(ctx, 1), troupe.ErrKilled)
				wantErr(t, me.PID().Exit(ctx, errBoom), troupe.ErrKilled)
				wantErr(t, me.PID().Kill(ctx), troupe.ErrKilled)
				wantErr(t, me.PID().Shutdown(ctx, 0), troupe.ErrKilled)
				if me.SendAfter(ctx, 0, 1).Stop() || me.SendEvery(ctx, time.Second, 1).Stop() {
					t.Error("a zombie has set a timer")
				}
				child := troupe.Spawn(ctx, func(*troupe.Self[none]) error { t.Error("the child of a zombie runs"); return nil })
				wantErr(t, child.PID().Wait(context.Background()), troupe.ErrShutdown)
			}
			wantErr(t, z.Register("new"), troupe.ErrKilled)
			z.Link(me.PID())
			z.Monitor(me.PID())
			return errOther
		}, troupe.Grace(time.Second), troupe.Name("old"))
		beside := make(chan error)
		go func() {
			_, err := troupe.Ask(context.Background(), r, 1)
			beside <- err
		}()
		c := <-asked
		r.PID().Kill(self)
		wantErr(t, <-beside, troupe.ErrKilled)
		wantErr(t, c.Reply(context.Background(), 2), troupe.ErrNobodyWaits)
		<-tried
		wantNothing(t, self)
		wantReason(t, self, r.PID(), troupe.ErrKilled)
		for _, name := range []string{"new", "old"} {
			if _, taken := self.Node().Whereis(name); taken {
				t.Errorf("the zombie owns the name %q", name)
			}
		}
		if kids := self.Children(); len(kids) != 0 {
			t.Errorf("left behind: %v", kids)
		}
	})
}

// A zombie's answer is refused, even if somebody still waits for it.
func TestG17_AZombieCannotReply(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		calls := make(chan call, 1)
		first := troupe.Spawn(self, func(self caller) error {
			calls <- next(t, self).Body
			return until(self)
		})
		zombie := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			time.Sleep(time.Minute)
			c := <-calls
			wantErr(t, c.Reply(self, 1), troupe.ErrKilled)
			wantErr(t, c.Fail(self, errBoom), troupe.ErrKilled)
			wantErr(t, c.Reply(context.Background(), 2), nil)
			return nil
		})
		synctest.Wait()
		zombie.PID().Kill(self)
		if a, err := troupe.Ask(self, first, 0); a != 2 || err != nil {
			t.Errorf("the answer is %d, %v, want 2", a, err)
		}
	})
}

// One that ends when it is killed is no zombie, even if it had ignored that it
// was told to end.
func TestG17_OneThatGoesWhenKilledIsNoZombie(t *testing.T) {
	var book logbook
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stage(t, func(t *testing.T, self *troupe.Self[none]) {
			troupe.Spawn(self, sink[int], troupe.TrapExits())
			troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{}), troupe.TrapExits())
			synctest.Wait()
		}, book.option())
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("Run returned after %v, want 5s", d)
		}
	})
	if book.String() != "" {
		t.Errorf("logged: %s", book.String())
	}
}

func TestG17_StacksOfManyZombies(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		const many = 20
		var all sync.Map
		for range many {
			for _, spawn := range []string{"direct", "handle"} {
				all.Store(stubborn[spawn](self, troupe.Grace(0)).PID(), true)
			}
		}
		time.Sleep(time.Second) // the pool needs a while to start so many that block
		all.Range(func(pid, _ any) bool { pid.(troupe.PID).Kill(self); return true })
		time.Sleep(time.Second)
		zombies := self.Node().Zombies()
		for _, z := range zombies {
			if _, ok := all.LoadAndDelete(z.PID); !ok || !strings.Contains(z.Stack, ".hang(") {
				t.Errorf("%v has the stack %q", z.PID, z.Stack)
			}
		}
		if len(zombies) != 2*many {
			t.Errorf("%d zombies, want %d", len(zombies), 2*many)
		}
		time.Sleep(2 * time.Hour)
	})
}
