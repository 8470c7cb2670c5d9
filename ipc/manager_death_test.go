//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A waiting is what waits for something that does not come.
type waiting struct {
	name string
	wait func(ctx context.Context) error
}

// waitings are all calls that wait, for things of m that are taken, empty or unset.
func waitings(t *testing.T, m *Manager) []waiting {
	ctx := t.Context()
	k := managerKit(t, m)
	o := must[*Object[*register]](t)(registers.Open(ctx, m, "", start{}))
	locker := must[*Lock](t)(m.Lock(ctx, "")) // of the condition
	cond := must[*Condition](t)(m.Condition(ctx, "", locker))
	if err := errors.Join(k.Lock.Lock(ctx), k.Bounded.Acquire(ctx), k.Tasks.Put(ctx, packet{})); err != nil {
		t.Fatal(err)
	}
	return []waiting{
		{"lock", k.Lock.Lock},
		{"semaphore", k.Bounded.Acquire},
		{"event", k.Event.Wait},
		{"barrier", func(ctx context.Context) error { _, err := k.Barrier.Wait(ctx); return err }},
		{"condition", func(ctx context.Context) error {
			if err := locker.Lock(ctx); err != nil {
				return err
			}
			return cond.Wait(ctx)
		}},
		{"queue", func(ctx context.Context) error { _, err := k.Queue.Get(ctx); return err }},
		{"join", k.Tasks.Join},
		{"method", func(ctx context.Context) error {
			r, w, err := os.Pipe()
			if err != nil {
				return err
			}
			defer r.Close()
			defer w.Close()
			_, err = registerWait.Call(ctx, o, w)
			return err
		}},
	}
}

// The manager's process is killed: everything that waits ends with an error that says so, and so
// does everything that is asked afterwards.
func TestG61_ManagerKilledUnderThoseWhoWait(t *testing.T) {
	c, p := served(t, post{"unix", filepath.Join(t.TempDir(), "s"), nil})
	m := dialManager(t, p)
	v := must[*Variable[int]](t)(OpenVariable(t.Context(), m, "", 1))
	must[int](t)(v.Load(t.Context()))
	all := waitings(t, m)
	ended := make(chan error)
	for _, w := range all {
		go func() {
			err := w.wait(t.Context())
			if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrOwnerDied) {
				t.Errorf("%s: %v", w.name, err)
			}
			ended <- err
		}()
	}
	asked(t, m, uint64(len(all)))
	c.kill()
	for range all {
		<-ended
	}
	if _, err := m.Lock(t.Context(), ""); err == nil {
		t.Error("a lock of the dead")
	}
	if _, err := v.Load(t.Context()); err == nil {
		t.Error("a variable of the dead")
	}
	if _, err := DialManager(t.Context(), p.Network, p.Address, ConnConfig{}); err == nil {
		t.Error("the dead answered")
	}
	if err := errors.Join(v.Detach(), m.Close()); err != nil {
		t.Error(err)
	}
}

// asked waits until n questions wait for an answer.
func asked(t *testing.T, m *Manager, n uint64) {
	t.Helper()
	c := m.r.link.transport.(*client)
	until(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return uint64(len(c.waiting)) >= n
	})
}

// The manager's process is stopped, and answers nobody: what takes nothing ends with its context,
// at once.
func TestG63_ManagerStopped(t *testing.T) {
	c, p := served(t, post{"tcp", "127.0.0.1:0", key})
	m := dialManager(t, p)
	ctx := t.Context()
	v := must[*Variable[int]](t)(OpenVariable(ctx, m, "", 1))
	l := must[*List[int]](t)(OpenList[int](ctx, m, ""))
	e := must[*Queue[int]](t)(OpenQueue[int](ctx, m, "", 1))
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatal(err, status)
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"load":  func(ctx context.Context) error { _, err := v.Load(ctx); return err },
		"copy":  func(ctx context.Context) error { _, err := l.Copy(ctx); return err },
		"poll":  e.Poll,
		"names": func(ctx context.Context) error { _, err := m.Names(ctx); return err },
	} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errEnough)
		begun := time.Now()
		if err := call(ctx); err != errEnough {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(begun); d > maxSilence/2 {
			t.Errorf("%s took %v", name, d)
		}
		cancel()
	}
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Load(ctx); got != 1 || err != nil {
		t.Error(got, err)
	}
}

// A client is killed: its calls of methods end, and what only it had is gone.
func TestG61_ManagerClientKilled(t *testing.T) {
	m := localManager(t)
	client := startRole(t, roleClient)
	tell(t, client.Conn, m)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tell(t, client.Conn, w)
	if _, err := io.ReadFull(r, make([]byte, len("waiting"))); err != nil {
		t.Fatal(err)
	}
	client.kill()
	w.Close()
	if text, err := io.ReadAll(r); string(text) != ", endedclosed" && string(text) != "closed, ended" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	noSessions(t, m)
}

// noSessions waits until the manager has seen the end of all its clients.
func noSessions(t *testing.T, m *Manager) {
	t.Helper()
	until(t, func() bool {
		m.b.mu.Lock()
		defer m.b.mu.Unlock()
		return len(m.b.sessions) == 1
	})
}

// roleClient makes an object and is in a method of it when it is killed.
var roleClient = addRole("client", func(ctx context.Context, parent *Conn) error {
	m, err := Receive[*Manager](ctx, parent)
	if err != nil {
		return err
	}
	w, err := Receive[*os.File](ctx, parent)
	if err != nil {
		return err
	}
	o, err := registers.Open(ctx, m, "", start{File: w})
	if err != nil {
		return err
	}
	_, err = registerWait.Call(ctx, o, w)
	return err
})

// roleRob does all kinds of things with a manager, until it is killed.
var roleRob = addRole("rob", func(ctx context.Context, parent *Conn) error {
	m, err := Receive[*Manager](ctx, parent)
	if err != nil {
		return err
	}
	for range 4 {
		go func() {
			for rob(ctx, m) == nil {
			}
		}()
	}
	return errors.Join(Send(ctx, parent, true), parent.Poll(ctx))
})

// rob does one of everything.
func rob(ctx context.Context, m *Manager) error {
	l, err1 := m.Lock(ctx, "lock")
	s, err2 := m.Semaphore(ctx, "semaphore", 3)
	q, err3 := OpenQueue[packet](ctx, m, "queue", 10)
	tasks, err4 := OpenJoinableQueue[packet](ctx, m, "tasks", 10)
	d, err5 := OpenMap[int, packet](ctx, m, "map")
	v, err6 := OpenVariable(ctx, m, "pair", [2]int{})
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	n := rand.IntN(4000)
	if err := l.Lock(ctx); err == nil || errors.Is(err, ErrOwnerDied) {
		_, _ = v.Update(ctx, func(p [2]int) [2]int { return [2]int{p[0] + 1, p[1] + 1} })
		_ = l.Unlock()
	}
	if ok, _ := s.TryAcquire(); ok {
		defer s.Release()
	}
	_, _ = q.TryPut(packetOf(n))
	if p, ok, err := q.TryGet(); ok && err == nil && p.check() != nil {
		panic(p.check())
	}
	_, _ = tasks.TryPut(packetOf(n))
	if t, ok, err := tasks.TryGet(); ok && err == nil && n%2 == 0 {
		_ = t.Done()
	}
	_ = d.Set(ctx, n%10, packetOf(n))
	if p, ok, err := d.Get(ctx, n%7); ok && err == nil && p.check() != nil {
		panic(p.check())
	}
	short, cancel := context.WithTimeout(ctx, time.Duration(n)*time.Microsecond)
	defer cancel()
	_, _ = q.Get(short)
	return errors.Join(l.Detach(), q.Detach(), d.Detach())
}

// Clients are killed at any instant, in the middle of anything. Afterwards everything can be used,
// nothing is torn, and nothing of the dead is left.
func TestG61_ManagerClientsKilledAtRandom(t *testing.T) {
	before := openFiles(t)
	m := localManager(t)
	for range 8 * (1 + soakRounds()) {
		robbers := []*child{startRole(t, roleRob), startRole(t, roleRob)}
		for _, r := range robbers {
			tell(t, r.Conn, m)
			hear[bool](t, r.Conn)
		}
		wait := time.NewTimer(time.Duration(rand.IntN(40)) * time.Millisecond)
		<-wait.C
		for _, r := range robbers {
			r.kill()
			r.Close()
		}
		noSessions(t, m)
		if err := rob(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	v := must[*Variable[[2]int]](t)(OpenVariable(t.Context(), m, "pair", [2]int{}))
	if p := must[[2]int](t)(v.Load(t.Context())); p[0] != p[1] || p[0] == 0 {
		t.Error(p)
	}
	s := must[*Semaphore](t)(m.Semaphore(t.Context(), "semaphore", 3))
	if n := must[int](t)(s.Value()); n != 3 {
		t.Errorf("%d permits of 3", n)
	}
	m.Close()
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}

// The manager is killed at any instant and another takes its place, at the same address. Clients
// get errors, never wait for the dead, and go on when they have dialled again.
func TestG61_ManagerKilledAtRandom(t *testing.T) {
	p := post{"unix", filepath.Join(t.TempDir(), "s"), nil}
	for range 5 * (1 + soakRounds()) {
		c, _ := served(t, p)
		m := dialManager(t, p)
		done := make(chan error)
		for range 3 {
			go func() {
				for {
					if err := rob(t.Context(), m); err != nil {
						done <- err
						return
					}
				}
			}()
		}
		wait := time.NewTimer(time.Duration(rand.IntN(30)) * time.Millisecond)
		<-wait.C
		c.kill()
		for range 3 {
			<-done
		}
		m.Close()
	}
	runtime.GC()
}
