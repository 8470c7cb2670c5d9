package ipc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// countIn counts the entries of a folder.
func countIn(t testing.TB, folder string) int {
	t.Helper()
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestWaitingHoldsNoThread(t *testing.T) {
	s := newThings(t)
	holder := startHolder(t, s)
	holder.deed("lock")
	holder.deed("acquire bounded")
	q, tasks := newTestQueue[int](t, 1), newTestTasks[int](t, 1)
	before := countIn(t, "/proc/self/task")
	ctx, cancel := context.WithCancel(t.Context())
	var begun, ended sync.WaitGroup
	for range 40 {
		for _, wait := range []func(context.Context) error{
			s.Lock.Lock, s.Bounded.Acquire, s.Event.Wait,
			func(ctx context.Context) error { return second(q.Get(ctx)) },
			func(ctx context.Context) error { return second(tasks.Get(ctx)) },
		} {
			begun.Add(1)
			ended.Go(func() {
				begun.Done()
				if err := wait(ctx); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
	}
	begun.Wait()
	if n := countIn(t, "/proc/self/task") - before; n > 10 {
		t.Errorf("200 goroutines that wait have %d threads", n)
	}
	cancel()
	ended.Wait()
}

func TestDetachLeavesNoDescriptors(t *testing.T) {
	use := func() {
		s := newStage(t)
		if err := s.Queue.Put(t.Context(), make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if err := s.Other.Put(t.Context(), lockOrWord{Lock: s.Lock}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Other.Get(t.Context()); err != nil { // dropped: the collector's
			t.Fatal(err)
		}
		if err := s.Tasks.Put(t.Context(), os.Stdin); err != nil {
			t.Fatal(err)
		}
		p := startHolder(t, things{Lock: s.Lock, RLock: &RLock{s.Lock.b, holdingOf(s.Lock.b)},
			Semaphore: &Semaphore{s.Bounded.s.b}, Bounded: s.Bounded, Event: s.Event, Condition: s.Condition, Barrier: s.Barrier,
			Count: newCount(t), Pair: s.Pair, Numbers: newTestArray(t, 1)})
		p.deed("lock")
		p.kill()
		if err := s.Lock.Lock(t.Context()); !errors.Is(err, ErrOwnerDied) {
			t.Fatal(err)
		}
		p.Close()
		s.detach()
	}
	t.Run("first", func(*testing.T) { use() })
	before := countIn(t, "/proc/self/fd")
	for range 5 {
		use()
	}
	for n := 0; ; n++ { // what the collector collects
		runtime.GC()
		after := countIn(t, "/proc/self/fd")
		if after <= before+5*4 { // newCount and newTestArray keep theirs to the end of the test
			return
		}
		if n > 1000 {
			t.Fatalf("%d descriptors, then %d", before, after)
		}
	}
}

func newCount(t testing.TB) *Value[int64] {
	v, err := NewValue(int64(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Detach() })
	return v
}

// Detach may come at any time, also from under a goroutine that is using the handle.
func TestDetachWhileInUse(t *testing.T) {
	for range deaths() / 2 {
		q, tasks := newTestQueue[*os.File](t, 2), newTestTasks[*os.File](t, 2)
		l := must[*Lock](t)(NewLock())
		var wg sync.WaitGroup
		again := func(f func() error) {
			wg.Go(func() {
				for {
					if err := f(); errors.Is(err, ErrClosed) {
						return
					} else if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		ctx := t.Context()
		again(func() error { return q.Put(ctx, os.Stdin) })
		again(func() error {
			f, err := q.Get(ctx)
			if err != nil {
				return err
			}
			return f.Close()
		})
		again(func() error { return tasks.Put(ctx, os.Stdin) })
		again(func() error {
			task, err := tasks.Get(ctx)
			if err != nil {
				return err
			}
			return errors.Join(task.Value.Close(), task.Done())
		})
		for range 2 {
			again(func() error { return l.Lock(ctx) })
			again(func() error {
				if err := l.Unlock(); !errors.Is(err, ErrNotOwner) {
					return err
				}
				return nil
			})
		}
		pause()
		if err := errors.Join(q.Detach(), tasks.Detach(), l.Detach()); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

// What a poor child gets, and does without descriptors or memory.
type poverty struct {
	Lock  *Lock // somebody else has it
	Queue *Queue[*os.File]
	Tasks *JoinableQueue[*os.File]
}

// limited calls f with a lower limit.
func limited(which int, to uint64, f func() error) error {
	var old unix.Rlimit
	if err := unix.Getrlimit(which, &old); err != nil {
		return err
	}
	if err := unix.Setrlimit(which, &unix.Rlimit{Cur: to, Max: old.Max}); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, unix.Setrlimit(which, &old))
}

// wants is nil if err says what it should.
func wants(what string, err error) error {
	if err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "ipc: ") {
		return fmt.Errorf("got %v, want an error about %q", err, what)
	}
	return nil
}

var rolePoor = addRole("poor", func(ctx context.Context, parent *Conn) error {
	p, err := Receive[poverty](ctx, parent)
	if err != nil {
		return err
	}
	if err := errors.Join(p.withoutDescriptors(ctx), p.withoutMemory(), p.after(ctx)); err != nil {
		return Send(ctx, parent, err.Error())
	}
	return Send(ctx, parent, "ok")
})

func (p *poverty) withoutDescriptors(ctx context.Context) error {
	const what = "too many open files"
	return limited(unix.RLIMIT_NOFILE, 3, func() error { // no more than the first three, which it has
		return errors.Join(
			wants(what, second(NewLock())),
			wants(what, second(NewSemaphore(1))),
			wants(what, second(NewQueue[int](1))),
			wants(what, second(NewJoinableQueue[int](1))),
			wants(what, second(NewValue(1))),
			wants(what, second(NewMemory(1))),
			wants(what, p.Lock.Lock(ctx)),
			wants("stays where it is", second(p.Queue.Get(ctx))),
			wants("stays where it is", second(p.Tasks.Get(ctx))),
		)
	})
}

func (p *poverty) withoutMemory() error {
	const what = "cannot allocate memory"
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(status), &pages); err != nil {
		return err
	}
	used := pages * uint64(os.Getpagesize())
	return limited(unix.RLIMIT_AS, used+256<<20, func() error {
		return errors.Join(
			wants(what, second(NewMemory(1<<30))),
			wants(what, second(NewArray[int64](1<<27))),
			wants(what, second(NewQueue[int](1, QueueBytes(1<<30)))),
			wants(what, second(NewJoinableQueue[int](1, QueueBytes(1<<30)))),
		)
	})
}

// after finds everything as it was.
func (p *poverty) after(ctx context.Context) error {
	f, err := p.Queue.Get(ctx)
	if err != nil {
		return err
	}
	task, err := p.Tasks.Get(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), task.Value.Close(), task.Done())
}

func TestRunningOutOfDescriptorsAndMemory(t *testing.T) {
	l := must[*Lock](t)(NewLock())
	defer l.Detach()
	p := poverty{Lock: l, Queue: newTestQueue[*os.File](t, 1), Tasks: newTestTasks[*os.File](t, 1)}
	if err := errors.Join(l.Lock(t.Context()), p.Queue.Put(t.Context(), os.Stdin), p.Tasks.Put(t.Context(), os.Stdin)); err != nil {
		t.Fatal(err)
	}
	c := startRole(t, rolePoor)
	tell(t, c.Conn, p)
	if said := hear[string](t, c.Conn); said != "ok" {
		t.Error(said)
	}
}

var rolePublisher = addRole("publisher", func(ctx context.Context, parent *Conn) error {
	m, err := NewMemory(4096)
	if err != nil {
		return err
	}
	copy(m.Bytes(), "what a dead process has published")
	if err := m.Publish(fmt.Sprint("test-", os.Getppid())); err != nil {
		return err
	}
	if err := Send(ctx, parent, true); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
})

// A name does not outlive its process; the memory stays for those who have it.
func TestG60_NothingIsLeftOfTheDead(t *testing.T) {
	name := fmt.Sprint("test-", os.Getpid())
	shmBefore, tmpBefore := countIn(t, "/dev/shm"), countIn(t, t.TempDir())
	for range 3 {
		if _, err := OpenMemory(t.Context(), name); err == nil || !strings.Contains(err.Error(), "no memory is published") {
			t.Fatal(err)
		}
		p := startRole(t, rolePublisher)
		hear[bool](t, p.Conn)
		m, err := OpenMemory(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		mine, err := NewMemory(10)
		if err != nil {
			t.Fatal(err)
		}
		if err := mine.Publish(name); err == nil || !strings.Contains(err.Error(), "is the name taken?") {
			t.Errorf("a name that is taken: %v", err)
		}
		mine.Detach()
		p.kill()
		p.Close()
		if !strings.HasPrefix(string(m.Bytes()), "what a dead process") {
			t.Errorf("%.50q", m.Bytes())
		}
		m.Detach()
		if m.Bytes() != nil || m.Detach() != nil {
			t.Error("still there after Detach")
		}
	}
	if n := countIn(t, "/dev/shm"); n > shmBefore {
		t.Errorf("%d files in /dev/shm, %d before", n, shmBefore)
	}
	if n := countIn(t, t.TempDir()); n > tmpBefore {
		t.Errorf("%d files, %d before", n, tmpBefore)
	}
}
