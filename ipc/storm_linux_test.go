package ipc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"
)

// A tempest is what the processes of a storm share. They do with it whatever comes to their
// minds, and are killed in the middle of it.
type tempest struct {
	Lock      *Lock
	Inner     *RLock
	Semaphore *Semaphore // of 3
	Bounded   *BoundedSemaphore
	Event     *Event
	Condition *Condition // of Lock
	Barrier   *Barrier   // for 2
	Pair      *Value[[4]int64]
	Numbers   *Array[[2]int32]
	Memory    *Memory // two numbers that are equal whenever Lock is free
	Queue     *Queue[signed]
	Locks     *Queue[lockOrWord]
	Tasks     *JoinableQueue[signed]
}

func newTempest(t testing.TB) *tempest {
	l := must[*Lock](t)(NewLock())
	return &tempest{
		Lock: l, Inner: must[*RLock](t)(NewRLock()),
		Semaphore: must[*Semaphore](t)(NewSemaphore(3)),
		Bounded:   must[*BoundedSemaphore](t)(NewBoundedSemaphore(2)),
		Event:     must[*Event](t)(NewEvent()),
		Condition: must[*Condition](t)(NewCondition(l)),
		Barrier:   must[*Barrier](t)(NewBarrier(2)),
		Pair:      must[*Value[[4]int64]](t)(NewValue([4]int64{})),
		Numbers:   must[*Array[[2]int32]](t)(NewArray[[2]int32](3)),
		Memory:    must[*Memory](t)(NewMemory(16)),
		Queue:     newTestQueue[signed](t, 6, QueueBytes(1<<14)),
		Locks:     newTestQueue[lockOrWord](t, 3),
		Tasks:     newTestTasks[signed](t, 8, QueueBytes(1<<15)),
	}
}

// roleStorm does one thing after the other, with several goroutines.
var roleStorm = addRole("storm", func(ctx context.Context, parent *Conn) error {
	s, err := Receive[*tempest](ctx, parent)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 3 {
		go func() {
			for {
				i := rand.IntN(len(deedsOfStorm))
				within, cancel := context.WithTimeout(ctx, 20*time.Second)
				err := deedsOfStorm[i](within, s)
				cancel()
				if err != nil {
					failed <- fmt.Errorf("deed %d: %w", i, err)
				}
			}
		}()
	}
	if err := Send(ctx, parent, true); err != nil {
		return err
	}
	return <-failed
})

// soonOver is a context for what may take too long.
func soonOver(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
}

// unlessOver makes nil of the end of ctx, and of ErrOwnerDied.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return held(err)
}

var deedsOfStorm = []func(ctx context.Context, s *tempest) error{
	func(ctx context.Context, s *tempest) error {
		err := s.Lock.Lock(ctx)
		if held(err) != nil {
			return err
		}
		return errors.Join(s.countUp(err), s.Lock.Unlock())
	},
	func(ctx context.Context, s *tempest) error {
		ok, err := s.Lock.TryLock()
		if !ok {
			return err
		}
		return errors.Join(s.countUp(err), s.Lock.Unlock())
	},
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		owner, err := s.Inner.Lock(brief)
		if held(err) != nil {
			return unlessOver(brief, err)
		}
		owner, err = s.Inner.Lock(context.WithoutCancel(owner))
		return errors.Join(err, s.Inner.Unlock(owner), s.Inner.Unlock(owner))
	},
	func(ctx context.Context, s *tempest) error {
		if err := held(s.Semaphore.Acquire(ctx)); err != nil {
			return err
		}
		return s.Semaphore.Release()
	},
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		if err := s.Bounded.Acquire(brief); held(err) != nil {
			return unlessOver(brief, err)
		}
		return s.Bounded.Release()
	},
	func(ctx context.Context, s *tempest) error { return s.Event.Set() },
	func(ctx context.Context, s *tempest) error { return s.Event.Clear() },
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		return unlessOver(brief, s.Event.Wait(brief))
	},
	func(ctx context.Context, s *tempest) error {
		err := s.Lock.Lock(ctx)
		if held(err) != nil {
			return err
		}
		torn := s.countUp(err)
		brief, cancel := soonOver(ctx)
		defer cancel()
		err = s.Condition.Wait(brief)
		if errors.Is(err, ErrOwnerDied) {
			torn = errors.Join(torn, s.countUp(err))
		}
		return errors.Join(torn, unlessOver(brief, err), s.Lock.Unlock())
	},
	func(ctx context.Context, s *tempest) error { return s.Condition.Notify(1) },
	func(ctx context.Context, s *tempest) error { return s.Condition.NotifyAll() },
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		_, err := s.Barrier.Wait(brief)
		if errors.Is(err, ErrBroken) {
			return s.Barrier.Reset()
		}
		return unlessOver(brief, err)
	},
	func(ctx context.Context, s *tempest) error {
		_, err := s.Pair.Update(ctx, func(v [4]int64) [4]int64 { return [4]int64{v[0] + 1, v[1] + 1, v[2] + 1, v[3] + 1} })
		v, err2 := s.Pair.Load(ctx)
		if v != [4]int64{v[0], v[0], v[0], v[0]} {
			err = fmt.Errorf("a torn value: %v", v)
		}
		return errors.Join(err, err2)
	},
	func(ctx context.Context, s *tempest) error {
		i := rand.IntN(s.Numbers.Len())
		v, err := s.Numbers.Update(ctx, i, func(v [2]int32) [2]int32 { return [2]int32{v[0] + 1, v[1] - 1} })
		if v[0] != -v[1] {
			err = fmt.Errorf("a torn element: %v", v)
		}
		return err
	},
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		return unlessOver(brief, s.Queue.Put(brief, s.message()))
	},
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		m, err := s.Queue.Get(brief)
		if err != nil {
			return unlessOver(brief, err)
		}
		return (&sortie{Files: true}).check(&m)
	},
	func(ctx context.Context, s *tempest) error {
		_, err := s.Locks.TryPut(lockOrWord{Lock: s.Lock})
		return err
	},
	func(ctx context.Context, s *tempest) error {
		v, ok, err := s.Locks.TryGet()
		if !ok || err != nil {
			return err
		}
		err = v.Lock.Lock(ctx)
		if held(err) != nil {
			return err
		}
		return errors.Join(s.countUp(err), v.Lock.Unlock(), v.Lock.Detach())
	},
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		return unlessOver(brief, s.Tasks.Put(brief, s.message()))
	},
	func(ctx context.Context, s *tempest) error {
		brief, cancel := soonOver(ctx)
		defer cancel()
		task, err := s.Tasks.Get(brief)
		if err != nil {
			return unlessOver(brief, err)
		}
		err = (&sortie{Files: true}).check(&task.Value)
		if rand.IntN(4) == 0 {
			return errors.Join(err, task.Fail())
		}
		return errors.Join(err, task.Done())
	},
}

// message is of any size, sometimes too large for the ring, and has a file if it is a third one.
func (s *tempest) message() signed {
	m := sign(1, rand.IntN(1000), rand.IntN(1<<rand.IntN(15)))
	if m.Seq%3 == 0 {
		m.File = os.Stdin
	}
	return m
}

// countUp is done with the lock held; err is what Lock said.
func (s *tempest) countUp(err error) error {
	m := s.Memory.Bytes()
	if errors.Is(err, ErrOwnerDied) {
		m[8] = m[0]
	}
	if m[0] != m[8] {
		return fmt.Errorf("the lock was free with %d and %d", m[0], m[8])
	}
	m[0]++
	m[8]++
	return nil
}

// TestG61_Storm kills processes at random that do everything at the same time.
func TestG61_Storm(t *testing.T) {
	s := newTempest(t)
	var ps [4]*child
	launch := func(i int) {
		ps[i] = startRole(t, roleStorm)
		tell(t, ps[i].Conn, s)
		hear[bool](t, ps[i].Conn)
	}
	for i := range ps {
		launch(i)
	}
	for range deaths() {
		pause()
		i := rand.IntN(len(ps))
		if !stillThere(t, ps[i]) {
			return
		}
		launch(i)
	}
	for _, p := range ps {
		stillThere(t, p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s.afterwards(ctx, t)
}

// stillThere kills a process, and reports whether it was there until then.
func stillThere(t *testing.T, p *child) bool {
	t.Helper()
	_ = p.cmd.Process.Kill()
	err := p.wait()
	p.Close()
	if w, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() {
		t.Errorf("a process has ended by itself: %v", err)
		return false
	}
	return true
}

// afterwards checks that everything is whole, and nobody has anything.
func (s *tempest) afterwards(ctx context.Context, t *testing.T) {
	t.Helper()
	for i := range 2 * len(deedsOfStorm) { // whoever is told of the dead
		if err := deedsOfStorm[i%len(deedsOfStorm)](ctx, s); err != nil {
			t.Errorf("deed %d: %v", i%len(deedsOfStorm), err)
		}
	}
	if n, err := s.Semaphore.Value(); n != 3 || err != nil {
		t.Errorf("%d permits of 3, %v", n, err)
	}
	if n, err := s.Bounded.Value(); n != 2 || err != nil {
		t.Errorf("%d permits of 2, %v", n, err)
	}
	if err := s.Barrier.Reset(); err != nil {
		t.Error(err)
	}
	other := make(chan error, 1)
	go func() { other <- second(s.Barrier.Wait(ctx)) }()
	if err := errors.Join(second(s.Barrier.Wait(ctx)), <-other); err != nil {
		t.Errorf("barrier: %v", err)
	}
	if err := errors.Join(s.Queue.Close(), s.Tasks.Close()); err != nil {
		t.Error(err)
	}
	for m, err := range s.Queue.All(ctx) {
		if err == nil {
			err = (&sortie{Files: true}).check(&m)
		}
		if err != nil {
			t.Errorf("queue: %v", err)
		}
	}
	for task, err := range s.Tasks.All(ctx) {
		if err == nil {
			err = errors.Join((&sortie{Files: true}).check(&task.Value), task.Done())
		}
		if err != nil {
			t.Errorf("tasks: %v", err)
		}
	}
	if err := s.Tasks.Join(ctx); err != nil {
		t.Errorf("join: %v", err)
	}
}
