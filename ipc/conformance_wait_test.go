//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"testing"
)

func TestConform_Event(t *testing.T) {
	conform(t, 2, func(t *testing.T, _ *kit, me here, them []*there) {
		for range 20 {
			a, b := them[0].begin(t.Context(), "wait for event", 0), them[1].begin(t.Context(), "wait for event", 0)
			if r := want(t, me, "isset", 0, nil); r.N != 0 {
				t.Fatal("set")
			}
			want(t, me, "set", 0, nil)
			want(t, me, "set", 0, nil)
			for _, w := range []<-chan result{a, b} {
				if r := <-w; r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			if r := want(t, them[0], "isset", 0, nil); r.N != 1 {
				t.Fatal("not set")
			}
			want(t, them[1], "clear", 0, nil)
		}
	})
}

// Those who waited when the flag was set have been woken, though it is cleared at once.
func TestConform_EventSetAndCleared(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for range 50 {
			waiting := them[0].begin(t.Context(), "wait for event", 0)
			for done := false; !done; {
				want(t, me, "set", 0, nil)
				want(t, me, "clear", 0, nil)
				select {
				case r := <-waiting:
					if r.Err != nil {
						t.Fatal(r.Err)
					}
					done = true
				default:
				}
			}
		}
	})
}

// awaiting waits until n waiters have been counted: they hold the lock until they wait.
func awaiting(t *testing.T, k *kit, n int64) {
	t.Helper()
	until(t, func() bool {
		v, err := k.Count.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v >= n
	})
	if err := errors.Join(k.Lock.Lock(t.Context()), k.Lock.Unlock()); err != nil {
		t.Fatal(err)
	}
}

func TestConform_Condition(t *testing.T) {
	conform(t, 2, func(t *testing.T, k *kit, me here, them []*there) {
		want(t, me, "notify", 3, nil) // for nobody
		n := int64(0)
		for round := range 10 {
			results := make(chan result)
			for _, a := range []actor{me, me, them[0], them[1]} {
				go func() { results <- <-a.begin(t.Context(), "await", 0) }()
			}
			n += 4
			awaiting(t, k, n)
			want(t, them[round%2], "notify", 1, nil)
			if r := <-results; r.Err != nil {
				t.Fatal(r.Err)
			}
			select {
			case r := <-results:
				t.Fatal("one notification woke two", r.Err)
			default:
			}
			want(t, me, "notify", 1000, nil)
			for range 3 {
				if r := <-results; r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
	})
}

func TestG63_ConformConditionCancelled(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for i := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			done := them[0].begin(ctx, "await", 0)
			awaiting(t, k, int64(i+1))
			cancel()
			if r := <-done; !errors.Is(r.Err, context.Canceled) { // and it could unlock
				t.Fatal(r.Err)
			}
		}
		n := int64(20)
		// A waiter that gives up at the same instant has the notification or leaves it.
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			a, b := them[0].begin(ctx, "await", 0), me.begin(t.Context(), "await", 0)
			n += 2
			awaiting(t, k, n)
			go cancel()
			want(t, me, "notify", 1, nil)
			r := <-a
			if r.Err == nil {
				want(t, me, "notify", 1, nil)
			} else if !errors.Is(r.Err, context.Canceled) {
				t.Fatal(r.Err)
			}
			if r := <-b; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	})
}

func TestG61_ConformNotifyWithADeadWaiter(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		n := int64(0)
		for range 5 {
			dead := newActor(t, k)
			_ = dead.begin(t.Context(), "await", 0)
			n++
			awaiting(t, k, n)
			alive := them[0].begin(t.Context(), "await", 0)
			n++
			awaiting(t, k, n)
			dead.kill()
			until(t, func() bool { // a manager sees the death when the connection ends
				want(t, me, "notify", 1, nil)
				select {
				case r := <-alive:
					if r.Err != nil {
						t.Fatal(r.Err)
					}
					return true
				default:
					return false
				}
			})
		}
	})
}
