package ipc

import (
	"context"
	"errors"
	"testing"
	"time"
)

// things are handles of everything, as a child gets them.
type things struct {
	Lock      *Lock
	RLock     *RLock
	Semaphore *Semaphore
	Bounded   *BoundedSemaphore
	Event     *Event
	Condition *Condition
	Barrier   *Barrier
	Count     *Value[int64]
	Pair      *Value[[4]int64]
	Numbers   *Array[int64]
}

func newThings(t testing.TB) things {
	t.Helper()
	var s things
	var err error
	must := func(e error) {
		if err = e; err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	s.Lock, err = NewLock()
	must(err)
	s.RLock, err = NewRLock()
	must(err)
	s.Semaphore, err = NewSemaphore(2)
	must(err)
	s.Bounded, err = NewBoundedSemaphore(1)
	must(err)
	s.Event, err = NewEvent()
	must(err)
	s.Condition, err = NewCondition(s.Lock)
	must(err)
	s.Barrier, err = NewBarrier(2)
	must(err)
	s.Count, err = NewValue(int64(0))
	must(err)
	s.Pair, err = NewValue([4]int64{})
	must(err)
	s.Numbers, err = NewArray[int64](8)
	must(err)
	t.Cleanup(s.detach)
	return s
}

func (s things) detach() {
	for _, h := range []interface{ Detach() error }{
		s.Lock, s.RLock, s.Semaphore, s.Bounded, s.Event, s.Condition, s.Barrier, s.Count, s.Pair, s.Numbers,
	} {
		_ = h.Detach()
	}
}

// roleHolder does as it is told, one deed after the other, and says what came of it.
var roleHolder = addRole("holder", func(ctx context.Context, parent *Conn) error {
	s, err := Receive[things](ctx, parent)
	if err != nil {
		return err
	}
	for {
		deed, err := Receive[string](ctx, parent)
		if err != nil {
			return nil
		}
		err = s.do(ctx, deed)
		said := "ok"
		if err != nil {
			said = err.Error()
		}
		if err := Send(ctx, parent, said); err != nil {
			return err
		}
	}
})

func (s things) do(ctx context.Context, deed string) (err error) {
	switch deed {
	case "lock":
		err = s.Lock.Lock(ctx)
	case "lock and unlock": // until it is killed
		for err == nil {
			err = errors.Join(s.Lock.Lock(ctx), s.Lock.Unlock())
		}
	case "unlock":
		err = s.Lock.Unlock()
	case "rlock":
		_, err = s.RLock.Lock(ctx)
	case "acquire":
		err = s.Semaphore.Acquire(ctx)
	case "acquire bounded":
		err = s.Bounded.Acquire(ctx)
	case "release bounded":
		err = s.Bounded.Release()
	case "wait event":
		err = s.Event.Wait(ctx)
	case "wait condition":
		if err = s.Lock.Lock(ctx); err == nil {
			err = errors.Join(s.Condition.Wait(ctx), s.Lock.Unlock())
		}
	case "wait barrier":
		_, err = s.Barrier.Wait(ctx)
	case "view":
		err = s.Numbers.View(ctx, func(e []int64) error { e[0] = 1; select {} })
	case "count":
		_, err = s.Count.Update(ctx, func(n int64) int64 { return n + 1 })
	default:
		err = errors.New("what is " + deed)
	}
	return err
}

func startHolder(t testing.TB, s things) *child {
	t.Helper()
	c := startRole(t, roleHolder)
	tell(t, c.Conn, s)
	return c
}

// deed has the child do something and expects that it goes well.
func (c *child) deed(what string) {
	c.t.Helper()
	tell(c.t, c.Conn, what)
	if said := hear[string](c.t, c.Conn); said != "ok" {
		c.t.Fatalf("%s: %s", what, said)
	}
}

func TestG61_HolderOfEachKindKilled(t *testing.T) {
	for _, test := range []struct {
		deed string
		take func(ctx context.Context, s things) error
	}{
		{"lock", func(ctx context.Context, s things) error { return s.Lock.Lock(ctx) }},
		{"rlock", func(ctx context.Context, s things) error { _, err := s.RLock.Lock(ctx); return err }},
		{"acquire bounded", func(ctx context.Context, s things) error { return s.Bounded.Acquire(ctx) }},
		{"acquire", func(ctx context.Context, s things) error {
			if err := s.Semaphore.Acquire(ctx); err != nil {
				return err
			}
			return s.Semaphore.Acquire(ctx) // the second is the one that the child has
		}},
	} {
		t.Run(test.deed, func(t *testing.T) {
			for range deaths() / 3 {
				s := newThings(t)
				c := startHolder(t, s)
				c.deed(test.deed)
				got := make(chan error)
				go func() { got <- test.take(t.Context(), s) }()
				killed := time.Now()
				c.kill()
				if err := <-got; !errors.Is(err, ErrOwnerDied) {
					t.Fatalf("got %v, want ErrOwnerDied", err)
				}
				t.Log(time.Since(killed))
				c.Close()
				s.detach()
			}
		})
	}
}

// Of permits that were released above the initial value, so many come back from the dead that
// there are no more than at the beginning, whenever the death is noticed.
func TestG61_PermitsOfTheDead(t *testing.T) {
	for _, early := range []bool{true, false} {
		s := newThings(t) // with two permits
		c := startHolder(t, s)
		if err := s.Semaphore.Release(); err != nil {
			t.Fatal(err)
		}
		c.deed("acquire")
		c.deed("acquire")
		if err := s.Semaphore.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.kill()
		if early {
			if n, err := s.Semaphore.Value(); n != 1 || err != nil {
				t.Fatalf("with one acquired: %d permits, %v", n, err)
			}
		}
		if err := s.Semaphore.Release(); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Semaphore.Value(); n != 2 || err != nil {
			t.Fatalf("noticed early %v: %d permits, %v", early, n, err)
		}
	}
}

func TestG61_NotifyWithDeadWaiter(t *testing.T) {
	s := newThings(t)
	dead, alive := startHolder(t, s), startHolder(t, s)
	waiting := func(n uint64) {
		for s.Condition.b.(*sharedCondition).next.Load() < n {
			time.Sleep(100 * time.Microsecond)
		}
	}
	tell(t, dead.Conn, "wait condition")
	waiting(1)
	tell(t, alive.Conn, "wait condition")
	waiting(2)
	dead.kill()
	if err := s.Condition.Notify(1); err != nil {
		t.Fatal(err)
	}
	if said := hear[string](t, alive.Conn); said != "ok" {
		t.Fatal(said)
	}
}

func TestG61_BarrierPartyKilled(t *testing.T) {
	s := newThings(t)
	b, err := NewBarrier(3)
	if err != nil {
		t.Fatal(err)
	}
	s.Barrier = b
	c, d := startHolder(t, s), startHolder(t, s)
	tell(t, c.Conn, "wait barrier")
	for n := 0; n < 1; n, _, _ = b.State() {
	}
	tell(t, d.Conn, "wait barrier")
	for n := 0; n < 2; n, _, _ = b.State() {
	}
	c.kill()
	if said := hear[string](t, d.Conn); said != ErrBroken.Error() {
		t.Fatal(said)
	}
	if _, err := b.Wait(t.Context()); !errors.Is(err, ErrBroken) {
		t.Fatal(err)
	}
	if err := b.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, broken, _ := b.State(); broken {
		t.Fatal("still broken")
	}
}

func TestG61_KilledInView(t *testing.T) {
	s := newThings(t)
	c := startHolder(t, s)
	tell(t, c.Conn, "view")
	viewed := s.Numbers.b.(*sharedCells).viewed
	for viewed.Load() == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	c.kill()
	see := func([]int64) error { return nil }
	if err := s.Numbers.View(t.Context(), see); !errors.Is(err, ErrOwnerDied) {
		t.Fatal(err)
	}
	if err := s.Numbers.View(t.Context(), see); err != nil {
		t.Fatal(err)
	}
}
