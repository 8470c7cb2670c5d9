package ipc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Processes in the tests of this file are killed at an exact machine instruction: the test
// traces the thread that calls this package, steps through the call, and kills the process in
// it. So no instant is left to chance.

// A stepped call is one that is killed in every place.
type steppedCall struct {
	name string
	// call is what the child does. before comes first, and is not stepped.
	before, call func(ctx context.Context, s *stage) error
	// meanwhile runs in the test's process from before the call until after the death; if early,
	// from before the call that is not stepped.
	meanwhile func(ctx context.Context, s *stage) error
	early     bool
	// after checks, in the test's process, that everything is usable.
	after func(ctx context.Context, s *stage) error
}

// A stage is what both sides have.
type stage struct {
	Lock      *Lock
	Bounded   *BoundedSemaphore
	Event     *Event
	Condition *Condition
	Barrier   *Barrier
	Pair      *Value[[4]int64]
	Queue     *Queue[[]byte]
	Other     *Queue[lockOrWord] // which cannot be encoded in place
	Tasks     *JoinableQueue[*os.File]
}

type lockOrWord struct {
	Lock *Lock
	Word string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := new(stage)
	var errs [9]error
	s.Lock, errs[0] = NewLock()
	s.Bounded, errs[1] = NewBoundedSemaphore(1)
	s.Event, errs[2] = NewEvent()
	s.Condition, errs[3] = NewCondition(s.Lock)
	s.Barrier, errs[4] = NewBarrier(2)
	s.Pair, errs[5] = NewValue([4]int64{})
	s.Queue, errs[6] = NewQueue[[]byte](1)
	s.Other, errs[7] = NewQueue[lockOrWord](1)
	s.Tasks, errs[8] = NewJoinableQueue[*os.File](1)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) detach() {
	for _, h := range []interface{ Detach() error }{s.Lock, s.Bounded, s.Event, s.Condition, s.Barrier, s.Pair, s.Queue, s.Other, s.Tasks} {
		_ = h.Detach()
	}
}

// roleStepped calls one of the steppedCalls, between two stops.
var roleStepped = addRole("stepped", func(ctx context.Context, parent *Conn) error {
	runtime.LockOSThread()
	i, err := Receive[int](ctx, parent)
	if err != nil {
		return err
	}
	s, err := Receive[*stage](ctx, parent)
	if err != nil {
		return err
	}
	c := steppedCalls[i]
	thread := steppedThread{ID: unix.Gettid()}
	for range 2 { // what is done only once is not what is to be tested
		if err := c.before(ctx, s); err != nil {
			return err
		}
		if err := Send(ctx, parent, thread); err != nil {
			return err
		}
		if _, err := Receive[bool](ctx, parent); err != nil {
			return err
		}
		stop()
		start := time.Now()
		err = c.call(ctx, s)
		thread.Took = time.Since(start)
		stop()
		if err != nil {
			return err
		}
	}
	return nil
})

// A steppedThread is what a child says about itself.
type steppedThread struct {
	ID   int
	Took time.Duration // the call, when it was not stepped
}

// stop stops this thread until the tracer lets it go on; without a tracer it does nothing.
func stop() { _ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGWINCH) }

// A tracer has stopped a thread. Its methods must be called on one thread.
type tracer struct{ tid int }

func (tr tracer) wait() (unix.WaitStatus, error) {
	var w unix.WaitStatus
	_, err := unix.Wait4(tr.tid, &w, unix.WALL, nil)
	return w, err
}

// untilDead takes note of the thread's death, for which the system otherwise keeps its process.
func (tr tracer) untilDead() {
	for {
		if w, err := tr.wait(); err != nil || !w.Stopped() {
			return
		}
	}
}

// attach begins to trace the thread.
func attach(tid int) (tracer, error) { return tracer{tid}, unix.PtraceSeize(tid) }

// toMark lets the thread run up to its next call of stop.
func (tr tracer) toMark() error {
	for {
		w, err := tr.wait()
		if err != nil {
			return err
		}
		if !w.Stopped() {
			return fmt.Errorf("the child has ended: %v", w)
		}
		if w.StopSignal() == unix.SIGWINCH {
			return nil
		}
		if err := unix.PtraceCont(tr.tid, int(w.StopSignal())); err != nil {
			return err
		}
	}
}

// run lets the thread run freely for a time.
func (tr tracer) run(d time.Duration) error {
	if err := unix.PtraceCont(tr.tid, 0); err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < d; {
	}
	return nil
}

// sameProcessor puts both threads on one processor, which makes steps ten times as fast.
func (tr tracer) sameProcessor() (undo func()) {
	var before, one unix.CPUSet
	if unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	for i := range 1024 {
		if before.IsSet(i) {
			one.Set(i)
			break
		}
	}
	_ = unix.SchedSetaffinity(0, &one)
	_ = unix.SchedSetaffinity(tr.tid, &one)
	return func() { _ = unix.SchedSetaffinity(0, &before); _ = unix.SchedSetaffinity(tr.tid, &before) }
}

// step steps n instructions, or up to the next call of stop, and returns how many it went.
func (tr tracer) step(n int) (int, error) {
	defer tr.sameProcessor()()
	for i := range n {
		if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SINGLESTEP, uintptr(tr.tid), 0, 0, 0, 0); errno != 0 {
			return i, errno
		}
		var w unix.WaitStatus
		_, _, errno := unix.RawSyscall6(unix.SYS_WAIT4, uintptr(tr.tid), uintptr(unsafe.Pointer(&w)), unix.WALL, 0, 0, 0)
		for errno == unix.EINTR {
			_, _, errno = unix.RawSyscall6(unix.SYS_WAIT4, uintptr(tr.tid), uintptr(unsafe.Pointer(&w)), unix.WALL, 0, 0, 0)
		}
		switch {
		case errno != 0:
			return i, errno
		case !w.Stopped():
			return i, fmt.Errorf("the child has ended: %v", w)
		case w.StopSignal() == unix.SIGWINCH:
			return i, nil
		}
	}
	return n, nil
}

// A place is where in a call a process is killed: after it ran freely for some time, given as a
// part of what the call took before, or after exactly so many steps.
type place struct {
	part  float64
	steps int
}

// TestG61_KilledAtEveryInstruction kills processes in the middle of every kind of call: at a few
// random places, or with TROUPE_SOAK at random instructions for a long time.
func TestG61_KilledAtEveryInstruction(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i, c := range steppedCalls {
		t.Run(c.name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if soak() > 0 {
				stepEverywhere(t, i, random)
				return
			}
			for range 2 {
				killOnce(t, i, place{steps: random.IntN(3000)})
				killOnce(t, i, place{part: 1.5 * random.Float64()})
			}
		})
	}
}

// stepEverywhere kills at instructions picked at random from all, as long as time allows.
func stepEverywhere(t *testing.T, i int, random *rand.Rand) {
	total := killOnce(t, i, place{steps: 1 << 24})
	end := time.Now().Add(time.Duration(soak()) * 20 * time.Second)
	n := 0
	for ; n < 2 || time.Now().Before(end); n++ {
		killOnce(t, i, place{steps: random.IntN(total + 1)})
		killOnce(t, i, place{part: 1.5 * random.Float64()})
	}
	t.Logf("killed in %d places of %d", n, total)
}

// killOnce kills a child in its call, or behind it, and checks what is left.
func killOnce(t *testing.T, i int, at place) (steps int) {
	t.Helper()
	c := steppedCalls[i]
	s := newStage(t)
	defer s.detach()
	p := startRole(t, roleStepped)
	defer p.Close()
	defer p.kill()
	tell(t, p.Conn, i)
	tell(t, p.Conn, s)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)

	done := make(chan error, 1)
	meanwhile := func() { done <- c.meanwhile(ctx, s) }
	if c.early {
		go meanwhile()
	}
	hear[steppedThread](t, p.Conn)
	tell(t, p.Conn, true)
	thread := hear[steppedThread](t, p.Conn) // for the second time
	tr, err := attach(thread.ID)
	if errors.Is(err, unix.EPERM) {
		t.Skip("this system does not let processes be traced")
	}
	if err != nil {
		t.Fatal(err)
	}
	if !c.early {
		go meanwhile()
	}
	tell(t, p.Conn, true)
	if err := tr.toMark(); err != nil {
		t.Fatal(err)
	}
	if at.part > 0 {
		err = tr.run(time.Duration(at.part * float64(thread.Took)))
	} else {
		steps, err = tr.step(at.steps)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Process.Kill()
	tr.untilDead()
	p.kill()
	late := time.AfterFunc(30*time.Second, func() { cancel(errors.New("it takes too long")) })
	defer late.Stop()
	if err := c.after(ctx, s); err != nil {
		t.Errorf("killed at %+v: afterwards: %v", at, err)
	}
	if err := <-done; err != nil {
		t.Errorf("killed at %+v: meanwhile: %v", at, err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return steps
}
