//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// conform runs a test in every family, with a kit, this process, and others.
func conform(t *testing.T, others int, test func(t *testing.T, k *kit, me here, them []*there)) {
	t.Helper()
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			k := f.make(t)
			t.Cleanup(k.detach)
			var them []*there
			for range others {
				them = append(them, newActor(t, k))
			}
			test(t, k, here{k, newDeeds()}, them)
		})
	}
}

// all begins a deed with each of the actors and expects that all end well.
func all(t *testing.T, what string, n int, actors ...actor) (results []result) {
	t.Helper()
	var pending []<-chan result
	for _, a := range actors {
		pending = append(pending, a.begin(t.Context(), what, n))
	}
	for i, p := range pending {
		r := <-p
		if r.Err != nil {
			t.Fatalf("%s by actor %d: %v", what, i, r.Err)
		}
		results = append(results, r)
	}
	return results
}

// until waits for something that only looking again can tell.
func until(t *testing.T, what func() bool) {
	t.Helper()
	for !what() {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
		runtime.Gosched()
	}
}

func TestConform_LockExcludes(t *testing.T) {
	conform(t, 2, func(t *testing.T, k *kit, me here, them []*there) {
		const each = 200
		all(t, "count under the lock", each, me, me, them[0], them[0], them[1])
		if n, err := k.Count.Load(t.Context()); n != 5*each || err != nil {
			t.Errorf("%d, want %d: %v", n, 5*each, err)
		}
	})
}

func TestConform_LockBelongsToAProcess(t *testing.T) {
	conform(t, 1, func(t *testing.T, _ *kit, me here, them []*there) {
		want(t, me, "unlock", 0, ErrNotOwner)
		want(t, me, "lock", 0, nil)
		if r := want(t, them[0], "trylock", 0, nil); r.N != 0 {
			t.Error("two have the lock")
		}
		want(t, them[0], "unlock", 0, ErrNotOwner)
		if r := want(t, me, "trylock", 0, nil); r.N != 0 {
			t.Error("the lock is had twice")
		}
		want(t, me, "unlock", 0, nil)
		if r := want(t, them[0], "trylock", 0, nil); r.N != 1 {
			t.Error("the lock is free")
		}
		want(t, them[0], "unlock", 0, nil)
		want(t, them[0], "unlock", 0, ErrNotOwner)
	})
}

func TestConform_RLockBelongsToAContext(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for range 3 {
			want(t, me, "rlock", 0, nil)
		}
		theirs := them[0].begin(t.Context(), "rlock", 0)
		if _, ok, err := k.RLock.TryLock(t.Context()); ok || err != nil {
			t.Errorf("another owner got it: %v", err)
		}
		for range 3 {
			want(t, me, "runlock", 0, nil)
		}
		if r := <-theirs; r.Err != nil {
			t.Error(r.Err)
		}
		want(t, me, "runlock", 0, ErrNotOwner)
		want(t, them[0], "runlock", 0, nil)
		want(t, them[0], "runlock", 0, ErrNotOwner)
	})
}

// Every deed that waits ends with its context, and nothing has happened.
func TestG63_ConformCancelledWait(t *testing.T) {
	conform(t, 2, func(t *testing.T, k *kit, me here, them []*there) {
		prepare := map[string]func(){
			"lock":            func() { want(t, me, "lock", 0, nil) },
			"rlock":           func() { want(t, me, "rlock", 0, nil) },
			"acquire":         func() { want(t, me, "acquire", 0, nil); want(t, me, "acquire", 0, nil) },
			"acquire bounded": func() { want(t, me, "acquire bounded", 0, nil) },
			"put": func() {
				for range kitItems {
					want(t, me, "put", 0, nil)
				}
			},
			"join": func() { want(t, me, "put task", 0, nil) },
		}
		for _, what := range []string{"lock", "rlock", "acquire", "acquire bounded", "wait for event", "poll event", "get", "get task", "put", "join"} {
			if f := prepare[what]; f != nil {
				f()
			}
			for _, a := range []actor{here{k, newDeeds()}, them[0]} {
				for range 5 {
					ctx, cancel := context.WithCancel(t.Context())
					done := a.begin(ctx, what, 7)
					time.AfterFunc(time.Duration(rand.IntN(1000))*time.Microsecond, cancel)
					if r := <-done; !errors.Is(r.Err, context.Canceled) {
						t.Fatalf("%s: %v", what, r.Err)
					}
				}
			}
		}
		// All is as it was.
		want(t, me, "unlock", 0, nil)
		want(t, me, "runlock", 0, nil)
		want(t, me, "release", 2, nil)
		want(t, me, "release bounded", 0, nil)
		want(t, them[1], "lock", 0, nil)
		want(t, them[1], "rlock", 0, nil)
		want(t, them[1], "acquire", 0, nil)
		want(t, them[1], "acquire bounded", 0, nil)
		if r := want(t, them[1], "permits", 0, nil); r.N != 1 {
			t.Errorf("%d permits", r.N)
		}
		for range kitItems {
			if r := want(t, them[1], "get", 0, nil); r.N != 0 {
				t.Errorf("packet %d, which was never accepted", r.N)
			}
		}
		if n, err := k.Queue.Len(); n != 0 || err != nil {
			t.Errorf("%d packets left: %v", n, err)
		}
		if r := want(t, them[1], "get task", 0, nil); r.N != 0 || r.Text != "1" {
			t.Errorf("task %d, delivered %s times", r.N, r.Text)
		}
	})
}

// Who holds something is killed: the next gets it, and is told, once.
func TestG61_ConformHolderKilled(t *testing.T) {
	conform(t, 0, func(t *testing.T, k *kit, me here, _ []*there) {
		for _, held := range []struct{ take, give string }{
			{"lock", "unlock"}, {"rlock", "runlock"}, {"acquire bounded", "release bounded"},
		} {
			for range 3 * (1 + soakRounds()) {
				holder, waiter, other := newActor(t, k), newActor(t, k), newActor(t, k)
				want(t, holder, held.take, 0, nil)
				waits := []<-chan result{waiter.begin(t.Context(), held.take, 0), me.begin(t.Context(), held.take, 0)}
				lost := other.begin(t.Context(), held.take, 0)
				other.kill() // killed while it waits, or before: nobody notices
				if r := <-lost; r.Err != errKilled {
					t.Fatal(r.Err)
				}
				holder.kill()
				var first result
				second := waits[1]
				by, then := actor(waiter), actor(me)
				select {
				case first = <-waits[0]:
				case first = <-waits[1]:
					second, by, then = waits[0], me, waiter
				}
				if !errors.Is(first.Err, ErrOwnerDied) {
					t.Fatalf("%s after a death: %v", held.take, first.Err)
				}
				want(t, by, held.give, 0, nil)
				if r := <-second; r.Err != nil {
					t.Fatalf("the second was told too: %v", r.Err)
				}
				want(t, then, held.give, 0, nil)
				waiter.kill()
			}
		}
	})
}

func TestConform_Semaphore(t *testing.T) {
	conform(t, 2, func(t *testing.T, _ *kit, me here, them []*there) {
		permits := func(want int) {
			t.Helper()
			if r := finish(t, me, "permits", 0); r.N != want || r.Err != nil {
				t.Fatalf("%d permits, want %d: %v", r.N, want, r.Err)
			}
		}
		permits(2)
		want(t, me, "acquire", 0, nil)
		want(t, them[0], "acquire", 0, nil)
		permits(0)
		if r := want(t, me, "tryacquire", 0, nil); r.N != 0 {
			t.Error("a third permit")
		}
		waiting := them[1].begin(t.Context(), "acquire", 0)
		want(t, me, "release", 1, nil)
		if r := <-waiting; r.Err != nil {
			t.Error(r.Err)
		}
		want(t, me, "release", 2, nil) // those of the others
		permits(2)
		want(t, me, "release", 3, nil) // new ones
		permits(5)
		for range 3 {
			want(t, them[0], "acquire", 0, nil)
		}
		permits(2)
		them[0].kill() // no more than in the beginning come back
		permits(2)
		for range 2 {
			if r := finish(t, me, "acquire", 0); r.Err != nil && !errors.Is(r.Err, ErrOwnerDied) {
				t.Error(r.Err)
			}
		}
		if r := finish(t, me, "tryacquire", 0); r.N != 0 {
			t.Error("permits came back that there were not in the beginning")
		}
		want(t, me, "release bounded", 0, ErrNotOwner)
		want(t, me, "acquire bounded", 0, nil)
		want(t, them[1], "release bounded", 0, ErrNotOwner)
		want(t, me, "release bounded", 0, nil)
		want(t, me, "release bounded", 0, ErrNotOwner)
	})
}

func TestG61_ConformPermitsOfTheDead(t *testing.T) {
	conform(t, 2, func(t *testing.T, _ *kit, me here, them []*there) {
		want(t, them[0], "acquire", 0, nil)
		want(t, them[1], "acquire", 0, nil)
		waiting := me.begin(t.Context(), "acquire", 0)
		them[0].kill()
		if r := <-waiting; !errors.Is(r.Err, ErrOwnerDied) {
			t.Errorf("after a death: %v", r.Err)
		}
		them[1].kill()
		want(t, me, "acquire", 0, ErrOwnerDied)
		want(t, me, "release", 2, nil)
		want(t, me, "acquire", 0, nil)
		if r := want(t, me, "permits", 0, nil); r.N != 1 {
			t.Errorf("%d permits", r.N)
		}
	})
}

func TestConform_ClosedHandle(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		want(t, them[0], "lock", 0, nil)
		want(t, them[0], "acquire bounded", 0, nil)
		waiting := me.begin(t.Context(), "lock", 0)
		want(t, them[0], "detach", 0, nil)
		if r := <-waiting; !errors.Is(r.Err, ErrOwnerDied) {
			t.Errorf("the holder let go of its last handle: %v", r.Err)
		}
		want(t, me, "acquire bounded", 0, ErrOwnerDied)
		for _, what := range []string{
			"lock", "trylock", "unlock", "acquire", "release", "permits", "set", "clear", "isset", "wait for event",
			"notify", "pass", "abort", "waiting", "increment", "view", "put", "get", "put task", "get task", "join",
		} {
			if what != "increment" {
				want(t, them[0], what, 1, ErrClosed)
			}
		}
		want(t, them[0], "detach", 0, nil)
	})
}

func TestConform_ManyOfAll(t *testing.T) {
	conform(t, 3, func(t *testing.T, k *kit, me here, them []*there) {
		var wg sync.WaitGroup
		for _, a := range []actor{me, them[0], them[1], them[2]} {
			for _, what := range []string{"increment", "view", "count under the lock"} {
				if what == "count under the lock" {
					continue // it counts in two steps, and increment in one
				}
				wg.Go(func() {
					if r := <-a.begin(t.Context(), what, 24); r.Err != nil && what != "view" {
						t.Errorf("%s: %v", what, r.Err)
					}
				})
			}
		}
		wg.Wait()
		p, err := k.Pair.Load(t.Context())
		if n, _ := k.Count.Load(t.Context()); n != 4*24 || p != [3]int64{n, n, n} || err != nil {
			t.Errorf("%d, %v, %v", n, p, err)
		}
	})
}
