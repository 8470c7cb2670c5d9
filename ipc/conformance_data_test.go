//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestConform_Barrier(t *testing.T) {
	conform(t, 2, func(t *testing.T, _ *kit, me here, them []*there) {
		for round := range 30 {
			var indexes []int
			for _, r := range all(t, "pass", round%2, me, them[0], them[1]) {
				indexes = append(indexes, r.N)
			}
			slices.Sort(indexes)
			if !slices.Equal(indexes, []int{0, 1, 2}) {
				t.Fatalf("round %d: %v", round, indexes)
			}
		}
		if r := want(t, me, "waiting", 0, nil); r.N != 0 || r.Text != "false" {
			t.Error(r)
		}
	})
}

// arrived waits until n parties wait.
func arrived(t *testing.T, a actor, n int) {
	t.Helper()
	until(t, func() bool { return want(t, a, "waiting", 0, nil).N == n })
}

func wantBroken(t *testing.T, a actor, want string) {
	t.Helper()
	if r := finish(t, a, "waiting", 0); r.Text != want || r.Err != nil {
		t.Fatalf("broken: %s, want %s: %v", r.Text, want, r.Err)
	}
}

func TestConform_BrokenBarrier(t *testing.T) {
	conform(t, 2, func(t *testing.T, _ *kit, me here, them []*there) {
		breaks := map[string]func(cancel context.CancelFunc){
			"abort":  func(context.CancelFunc) { want(t, me, "abort", 0, nil) },
			"cancel": func(cancel context.CancelFunc) { cancel() },
		}
		for name, smash := range breaks {
			ctx, cancel := context.WithCancel(t.Context())
			first := them[0].begin(ctx, "pass", 0)
			arrived(t, me, 1)
			second := them[1].begin(t.Context(), "pass", 0)
			arrived(t, me, 2)
			smash(cancel)
			r := <-first
			if name == "cancel" && !errors.Is(r.Err, context.Canceled) || name == "abort" && !errors.Is(r.Err, ErrBroken) {
				t.Fatalf("%s: %v", name, r.Err)
			}
			if r := <-second; !errors.Is(r.Err, ErrBroken) {
				t.Fatalf("%s: %v", name, r.Err)
			}
			wantBroken(t, them[0], "true")
			want(t, me, "pass", 0, ErrBroken)
			want(t, me, "reset", 0, nil)
			wantBroken(t, them[1], "false")
			all(t, "pass", 0, me, them[0], them[1])
			cancel()
		}
		waiting := them[0].begin(t.Context(), "pass", 0)
		arrived(t, me, 1)
		want(t, them[1], "reset", 0, nil)
		if r := <-waiting; !errors.Is(r.Err, ErrBroken) {
			t.Errorf("reset while somebody waited: %v", r.Err)
		}
		wantBroken(t, me, "false")
		// The action of the last fails.
		first, second := them[0].begin(t.Context(), "pass", 0), them[1].begin(t.Context(), "pass", 0)
		arrived(t, me, 2)
		want(t, me, "pass", 2, errAction)
		for _, w := range []<-chan result{first, second} {
			if r := <-w; !errors.Is(r.Err, ErrBroken) {
				t.Errorf("the action failed: %v", r.Err)
			}
		}
	})
}

func TestG61_ConformPartyKilled(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for range 5 {
			dead := newActor(t, k)
			_ = dead.begin(t.Context(), "pass", 0)
			arrived(t, me, 1)
			waiting := them[0].begin(t.Context(), "pass", 0)
			arrived(t, me, 2)
			dead.kill()
			if r := <-waiting; !errors.Is(r.Err, ErrBroken) {
				t.Fatal(r.Err)
			}
			want(t, me, "pass", 0, ErrBroken)
			want(t, me, "reset", 0, nil)
		}
	})
}

func TestConform_ViewIsAlone(t *testing.T) {
	conform(t, 2, func(t *testing.T, k *kit, me here, them []*there) {
		all(t, "view", 50, me, them[0], them[1])
		got, err := k.Numbers.Load(t.Context(), 7)
		if got != 150 || err != nil {
			t.Error(got, err)
		}
	})
}

func TestG61_ConformKilledInView(t *testing.T) {
	conform(t, 0, func(t *testing.T, k *kit, me here, _ []*there) {
		for range 3 {
			dead := newActor(t, k)
			_ = dead.begin(t.Context(), "view forever", 0)
			want(t, me, "wait for event", 0, nil)
			want(t, me, "clear", 0, nil)
			waiting := me.begin(t.Context(), "view", 1)
			dead.kill()
			if r := <-waiting; !errors.Is(r.Err, ErrOwnerDied) {
				t.Fatal(r.Err)
			}
			err := k.Numbers.View(t.Context(), func(all []int64) error { clear(all); return nil })
			if err != nil {
				t.Fatalf("the second was told too: %v", err)
			}
		}
	})
}

func TestConform_ViewFails(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		if err := k.Numbers.View(t.Context(), func([]int64) error { return errAction }); !errors.Is(err, errAction) {
			t.Error(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
			}()
			_ = k.Numbers.View(t.Context(), func([]int64) error { panic("in the view") })
		}()
		want(t, them[0], "view", 1, nil)
	})
}

func TestConform_Cells(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		ctx := t.Context()
		if ok, err := k.Count.CompareAndSwap(ctx, 0, 5); !ok || err != nil {
			t.Error(ok, err)
		}
		if ok, err := k.Count.CompareAndSwap(ctx, 0, 6); ok || err != nil {
			t.Error(ok, err)
		}
		if ok, err := k.Pair.CompareAndSwap(ctx, [3]int64{}, [3]int64{1, 2, 3}); !ok || err != nil {
			t.Error(ok, err)
		}
		want(t, them[0], "increment", 1, nil)
		if p, err := k.Pair.Load(ctx); p != [3]int64{2, 3, 4} || err != nil {
			t.Error(p, err)
		}
		if n, err := k.Count.Load(ctx); n != 6 || err != nil {
			t.Error(n, err)
		}
		if err := k.Numbers.Store(ctx, 7, 9); err != nil {
			t.Error(err)
		}
		if n := k.Numbers.Len(); n != 8 {
			t.Error(n)
		}
	})
}

func TestConform_QueueDeliversOnceAndInOrder(t *testing.T) {
	conform(t, 3, func(t *testing.T, k *kit, me here, them []*there) {
		const each = 300
		got := []<-chan result{them[0].begin(t.Context(), "get many", 0), me.begin(t.Context(), "get many", 0)}
		all(t, "put many", each, them[1], them[2])
		want(t, them[1], "close queue", 0, nil)
		sum := 0
		for _, g := range got {
			r := <-g
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			sum += r.N
		}
		if sum != 2*each {
			t.Errorf("%d of %d", sum, 2*each)
		}
	})
}

func TestConform_QueueCloseAndDrain(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for i := range kitItems {
			want(t, them[0], "put", i, nil)
		}
		if ok, err := k.Queue.TryPut(packet{}); ok || err != nil {
			t.Error(ok, err)
		}
		blocked := me.begin(t.Context(), "put", 1)
		want(t, them[0], "close queue", 0, nil)
		if r := <-blocked; !errors.Is(r.Err, ErrClosed) {
			t.Errorf("a put that waited: %v", r.Err)
		}
		want(t, me, "put", 1, ErrClosed)
		want(t, me, "close queue", 0, nil)
		for i := range kitItems {
			if err := k.Queue.Poll(t.Context()); err != nil {
				t.Error(err)
			}
			if r := want(t, me, "get", 0, nil); r.N != i {
				t.Errorf("%d, want %d", r.N, i)
			}
		}
		want(t, me, "get", 0, ErrClosed)
		want(t, them[0], "get", 0, ErrClosed)
		if err := k.Queue.Poll(t.Context()); err != nil {
			t.Error(err)
		}
		if _, ok, err := k.Queue.TryGet(); ok || !errors.Is(err, ErrClosed) {
			t.Error(ok, err)
		}
	})
}

func TestConform_QueueWaitsForRoom(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for i := range kitItems {
			want(t, me, "put", i, nil)
		}
		for i := range 50 {
			blocked := them[0].begin(t.Context(), "put", kitItems+i)
			if r := want(t, me, "get", 0, nil); r.N != i {
				t.Fatalf("%d, want %d", r.N, i)
			}
			if r := <-blocked; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		if n, err := k.Queue.Len(); n != kitItems || err != nil {
			t.Error(n, err)
		}
	})
}

// A large message, and one that is larger than the memory of the queue.
func TestConform_QueueLargeMessages(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		for _, size := range []int{0, 1, 100_000, 3 << 20, 12 << 20} {
			got := make(chan packet)
			go func() {
				p, err := k.Queue.Get(t.Context())
				if err != nil {
					t.Error(err)
				}
				got <- p
			}()
			if err := k.Queue.Put(t.Context(), packet{Data: make([]byte, size)}); err != nil {
				t.Fatal(err)
			}
			if p := <-got; len(p.Data) != size {
				t.Errorf("%d bytes, want %d", len(p.Data), size)
			}
		}
		want(t, them[0], "put", 1, nil)
	})
}

// Producers and consumers are killed at any instant; the queue stays usable, nothing is torn,
// and of what living producers put nothing comes twice.
func TestG61_ConformQueueUsersKilled(t *testing.T) {
	conform(t, 0, func(t *testing.T, k *kit, me here, _ []*there) {
		for range 6 * (1 + soakRounds()) {
			producer, consumer := newActor(t, k), newActor(t, k)
			want(t, producer, "lock", 0, nil)
			want(t, consumer, "acquire bounded", 0, nil)
			_ = producer.begin(t.Context(), "put many", 1<<30)
			_ = consumer.begin(t.Context(), "get many", 0)
			got, stop := context.WithCancel(t.Context())
			mine := me.begin(got, "get many", 0)
			wait := time.NewTimer(time.Duration(rand.IntN(20)) * time.Millisecond)
			<-wait.C
			victims := []*there{producer, consumer}
			rand.Shuffle(2, func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
			victims[0].kill()
			victims[1].kill()
			stop()
			if r := <-mine; !errors.Is(r.Err, context.Canceled) {
				t.Fatal(r.Err)
			}
			// A manager has noticed a death when what the dead held is to be had.
			want(t, me, "lock", 0, ErrOwnerDied)
			want(t, me, "unlock", 0, nil)
			want(t, me, "acquire bounded", 0, ErrOwnerDied)
			want(t, me, "release bounded", 0, nil)
			for n, _ := k.Queue.Len(); n > 0; n, _ = k.Queue.Len() {
				want(t, me, "get", 0, nil)
			}
			want(t, me, "put", 17, nil)
			if r := want(t, me, "get", 0, nil); r.N != 17 {
				t.Fatalf("%d came from the dead", r.N)
			}
		}
	})
}

func TestConform_Tasks(t *testing.T) {
	conform(t, 1, func(t *testing.T, k *kit, me here, them []*there) {
		expect := func(a actor, n int, deliveries string) {
			t.Helper()
			if r := want(t, a, "get task", 0, nil); r.N != n || r.Text != deliveries {
				t.Fatalf("task %d for the %s. time, want %d for the %s.", r.N, r.Text, n, deliveries)
			}
		}
		for i := range 3 {
			want(t, me, "put task", i, nil)
		}
		joining := me.begin(t.Context(), "join", 0)
		expect(them[0], 0, "1")
		want(t, them[0], "fail", 0, nil)
		want(t, them[0], "fail", 0, ErrNotOwner)
		expect(me, 1, "1")
		expect(them[0], 2, "1")
		want(t, me, "done", 0, nil)
		want(t, me, "done", 0, ErrNotOwner)
		want(t, them[0], "done", 0, nil)
		expect(me, 0, "2") // what failed comes last
		if n, err := k.Tasks.Unfinished(); n != 1 || err != nil {
			t.Error(n, err)
		}
		select {
		case r := <-joining:
			t.Fatal("joined too early", r.Err)
		default:
		}
		want(t, me, "done", 0, nil)
		if r := <-joining; r.Err != nil {
			t.Error(r.Err)
		}
		want(t, me, "put task", 7, nil)
		expect(them[0], 7, "1")
		if err := k.Tasks.Close(); err != nil {
			t.Error(err)
		}
		waiting := me.begin(t.Context(), "get task", 0) // it may come back
		want(t, them[0], "fail", 0, nil)
		if r := <-waiting; r.N != 7 || r.Err != nil {
			t.Error(r)
		}
		want(t, me, "done", 0, nil)
		want(t, them[0], "get task", 0, ErrClosed)
		want(t, them[0], "put task", 0, ErrClosed)
		want(t, them[0], "join", 0, nil)
	})
}

func TestG61_ConformTaskOfTheDeadComesBack(t *testing.T) {
	conform(t, 0, func(t *testing.T, k *kit, me here, _ []*there) {
		for i := range 5 {
			want(t, me, "put task", 2*i, nil)
			want(t, me, "put task", 2*i+1, nil)
			dead := newActor(t, k)
			if r := want(t, dead, "get task", 0, nil); r.N != 2*i {
				t.Fatal(r)
			}
			joining := me.begin(t.Context(), "join", 0)
			dead.kill()
			first := want(t, me, "get task", 0, nil)
			want(t, me, "done", 0, nil)
			second := want(t, me, "get task", 0, nil)
			want(t, me, "done", 0, nil)
			// A manager may see the death a moment later.
			if first.N+second.N != 4*i+1 || first.Text+second.Text != "21" && first.Text+second.Text != "12" {
				t.Fatal(first, second)
			}
			if r := <-joining; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	})
}
