//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A post is where a manager is to be served.
type post struct {
	Network, Address string
	Key              []byte
}

// roleServe is a process that serves a manager at one post, and says where it is.
var roleServe = addRole("serve", func(ctx context.Context, parent *Conn) error {
	p, err := Receive[post](ctx, parent)
	if err != nil {
		return err
	}
	l, err := Listen(p.Network, p.Address, ConnConfig{Key: p.Key})
	if err != nil {
		return err
	}
	if err := Send(ctx, parent, l.Addr().String()); err != nil {
		return err
	}
	go func() {
		_ = parent.Poll(ctx)
		l.Close()
	}()
	m := NewManager()
	defer m.Close()
	return m.Serve(ctx, l)
})

// served starts a process that serves a manager, and returns where.
func served(t testing.TB, p post) (*child, post) {
	t.Helper()
	c := startRole(t, roleServe)
	tell(t, c.Conn, p)
	p.Address = hear[string](t, c.Conn)
	return c, p
}

func dialManager(t testing.TB, p post) *Manager {
	t.Helper()
	m, err := DialManager(t.Context(), p.Network, p.Address, ConnConfig{Key: p.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// everyWay runs a test with a manager here, in a child, and in a process that was dialled.
func everyWay(t *testing.T, test func(t *testing.T, m *Manager)) {
	t.Helper()
	for _, way := range managersForTests {
		t.Run(way.name, func(t *testing.T) { test(t, way.make(t)) })
	}
	t.Run("dialled", func(t *testing.T) {
		_, p := served(t, post{"unix", filepath.Join(t.TempDir(), "s"), nil})
		test(t, dialManager(t, p))
	})
}

func TestManager_NamesStandForOneThing(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		a := must[*Variable[int]](t)(OpenVariable(ctx, m, "a", 1))
		b := must[*Variable[int]](t)(OpenVariable(ctx, m, "a", 2))
		if v, err := b.Load(ctx); v != 1 || err != nil {
			t.Error("the second began anew:", v, err)
		}
		if err := a.Store(ctx, 3); err != nil {
			t.Error(err)
		}
		if v, err := b.Load(ctx); v != 3 || err != nil {
			t.Error(v, err)
		}
		if _, err := m.Lock(ctx, "a"); err == nil || !strings.Contains(err.Error(), "not a lock") {
			t.Errorf("a lock called as a variable is: %v", err)
		}
		must[*Semaphore](t)(m.Semaphore(ctx, "s", 2))
		if _, err := m.Semaphore(ctx, "s", 3); err == nil {
			t.Error("a semaphore of another size was opened")
		}
		if _, err := m.BoundedSemaphore(ctx, "s", 2); err == nil {
			t.Error("a semaphore of another sort was opened")
		}
		must[*Queue[int]](t)(OpenQueue[int](ctx, m, "q", 2))
		if _, err := OpenQueue[string](ctx, m, "q", 2); err == nil {
			t.Error("a queue of another type was opened")
		}
		names := must[[]string](t)(m.Names(ctx))
		if !slices.Equal(names, []string{"a", "q", "s"}) {
			t.Error(names)
		}
	})
}

func TestManager_WhatIsRemovedStaysWithWhoHasIt(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		old := must[*Variable[int]](t)(OpenVariable(ctx, m, "x", 1))
		if err := m.Remove(ctx, "x"); err != nil {
			t.Fatal(err)
		}
		if err := m.Remove(ctx, "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("removed twice: %v", err)
		}
		if v, err := old.Load(ctx); v != 1 || err != nil {
			t.Error(v, err)
		}
		if v, err := must[*Variable[int]](t)(OpenVariable(ctx, m, "x", 9)).Load(ctx); v != 9 || err != nil {
			t.Error("the name is not free:", v, err)
		}
		if err := errors.Join(old.Detach(), old.Detach()); err != nil {
			t.Error(err)
		}
		if _, err := old.Load(ctx); err != ErrClosed {
			t.Error(err)
		}
	})
}

func TestG63_ManagerWithAnEndedContext(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		v := must[*Variable[int]](t)(OpenVariable(t.Context(), m, "", 1))
		l := must[*List[int]](t)(OpenList[int](t.Context(), m, ""))
		if _, err := v.Load(t.Context()); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errEnough)
		calls := map[string]func() error{
			"open":   func() error { _, err := m.Lock(ctx, ""); return err },
			"var":    func() error { _, err := OpenVariable(ctx, m, "new", 1); return err },
			"load":   func() error { _, err := v.Load(ctx); return err },
			"store":  func() error { return v.Store(ctx, 2) },
			"append": func() error { _, err := l.Append(ctx, 1); return err },
			"names":  func() error { _, err := m.Names(ctx); return err },
			"remove": func() error { return m.Remove(ctx, "x") },
		}
		for name, call := range calls {
			if err := call(); err != errEnough {
				t.Errorf("%s: %v", name, err)
			}
		}
		if v, err := v.Load(t.Context()); v != 1 || err != nil {
			t.Error(v, err)
		}
		if n, err := l.Len(t.Context()); n != 0 || err != nil {
			t.Error(n, err)
		}
		if names := must[[]string](t)(m.Names(t.Context())); len(names) != 0 {
			t.Error(names)
		}
	})
}

func TestManager_Close(t *testing.T) {
	m := NewManager()
	l := must[*Lock](t)(m.Lock(t.Context(), ""))
	q := must[*Queue[int]](t)(OpenQueue[int](t.Context(), m, "", 1))
	got := make(chan error)
	go func() { _, err := q.Get(t.Context()); got <- err }()
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := l.Lock(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := m.Lock(t.Context(), ""); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := new(Manager).Close(); err != nil {
		t.Error(err)
	}
	if _, err := new(Manager).Lock(t.Context(), ""); err == nil {
		t.Error("a manager of nothing")
	}
	if _, err := new(Variable[int]).Load(t.Context()); err == nil {
		t.Error("a variable of nothing")
	}
}

// What was opened elsewhere goes on without the Manager that it was opened with.
func TestManager_CloseElsewhere(t *testing.T) {
	m := childManager(t, false)
	v := must[*Variable[int]](t)(OpenVariable(t.Context(), m, "", 1))
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := v.Store(t.Context(), 2); err != nil {
		t.Error(err)
	}
	if _, err := m.Lock(t.Context(), ""); err != ErrClosed {
		t.Error(err)
	}
}

func TestManager_KeysAreChecked(t *testing.T) {
	_, p := served(t, post{"tcp", "127.0.0.1:0", key})
	for name, k := range map[string][]byte{"another": NewKey(), "none": nil, "short": []byte("secret")} {
		if _, err := DialManager(t.Context(), "tcp", p.Address, ConnConfig{Key: k}); err == nil {
			t.Errorf("%s: let in", name)
		}
	}
	if _, err := DialManager(t.Context(), "tcp", p.Address, ConnConfig{Key: NewKey()}); !errors.Is(err, ErrAuth) {
		t.Error(err)
	}
	if _, err := dialManager(t, p).Names(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestManager_NoManagerThere(t *testing.T) {
	l := listen(t, "unix", filepath.Join(t.TempDir(), "s"), ConnConfig{})
	go func() {
		c, err := l.Accept(t.Context())
		if err == nil {
			_ = Send(t.Context(), c, "hello")
		}
	}()
	_, err := DialManager(t.Context(), "unix", l.Addr().String(), ConnConfig{})
	if !errors.Is(err, errNoManager) {
		t.Error(err)
	}
	if err := childManager(t, false).Serve(t.Context(), l); err == nil {
		t.Error("a manager elsewhere was served here")
	}
}

// All connections of a process to one manager are one to the manager: a lock can be unlocked
// through a handle that came another way.
func TestManager_ManyConnectionsAreOneProcess(t *testing.T) {
	_, p := served(t, post{"unix", filepath.Join(t.TempDir(), "s"), nil})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			m, err := DialManager(t.Context(), p.Network, p.Address, ConnConfig{})
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			l, err := m.Lock(t.Context(), "one")
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				if err := errors.Join(l.Lock(t.Context()), l.Unlock()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	a, b := dialManager(t, p), dialManager(t, p)
	if err := must[*Lock](t)(a.Lock(t.Context(), "one")).Lock(t.Context()); err != nil {
		t.Error(err)
	}
	if err := must[*Lock](t)(b.Lock(t.Context(), "one")).Unlock(); err != nil {
		t.Error(err)
	}
}

// An owner of a reentrant lock is the same through all handles of its process.
func TestManager_RLockHandlesHaveOneOwner(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		a := must[*RLock](t)(m.RLock(t.Context(), "r"))
		b := must[*RLock](t)(m.RLock(t.Context(), "r"))
		owner, err := a.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := b.TryLock(owner); !ok || err != nil {
			t.Fatal("the owner is another through another handle:", err)
		}
		if _, ok, err := b.TryLock(t.Context()); ok || err != nil {
			t.Error("nobody in particular got it:", err)
		}
		if err := errors.Join(a.Unlock(owner), b.Unlock(owner)); err != nil {
			t.Error(err)
		}
		if err := a.Unlock(owner); !errors.Is(err, ErrNotOwner) {
			t.Error(err)
		}
	})
}
