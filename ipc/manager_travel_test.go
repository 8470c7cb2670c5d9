//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"os"
	"testing"
)

// A bag has something of a manager in places where it has to be found.
type bag struct {
	Name    string
	Lock    *Lock
	Counts  map[string]*Variable[int]
	Lists   []*List[string]
	Any     any
	Manager *Manager
}

func bagOf(t testing.TB, m *Manager) bag {
	ctx := t.Context()
	return bag{
		Name:    "bag",
		Lock:    must[*Lock](t)(m.Lock(ctx, "")),
		Counts:  map[string]*Variable[int]{"n": must[*Variable[int]](t)(OpenVariable(ctx, m, "", 1))},
		Lists:   []*List[string]{must[*List[string]](t)(OpenList[string](ctx, m, ""))},
		Manager: m,
	}
}

// use uses everything in the bag, and leaves traces.
func (b *bag) use(ctx context.Context, who string) error {
	if err := b.Lock.Lock(ctx); err != nil {
		return err
	}
	_, err1 := b.Counts["n"].Update(ctx, func(n int) int { return n + 1 })
	_, err2 := b.Lists[0].Append(ctx, who)
	_, err3 := OpenVariable(ctx, b.Manager, "by "+who, os.Getpid())
	return errors.Join(err1, err2, err3, b.Lock.Unlock())
}

// roleUse uses the bags that it gets out of a queue.
var roleUse = addRole("use", func(ctx context.Context, parent *Conn) error {
	q, err := Receive[*Queue[bag]](ctx, parent)
	if err != nil {
		return err
	}
	for {
		b, err := q.Get(ctx)
		if err == nil {
			err = b.use(ctx, b.Name)
		}
		if err := Send(ctx, parent, err); err != nil {
			return err
		}
	}
})

// Handles travel inside of structs, maps and slices, through queues in shared memory and queues of
// a manager, to processes that have never heard of the manager.
func TestManager_HandlesTravelThroughQueues(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			m := way.make(t)
			queues := map[string]*Queue[bag]{"managed": must[*Queue[bag]](t)(OpenQueue[bag](t.Context(), m, "", 2))}
			if q, err := NewQueue[bag](2); err == nil {
				queues["shared"] = q
			}
			for name, q := range queues {
				user := startRole(t, roleUse)
				tell(t, user.Conn, q)
				b := bagOf(t, m)
				for range 3 {
					b.Name = name
					if err := q.Put(t.Context(), b); err != nil {
						t.Fatal(err)
					}
					if err := hear[error](t, user.Conn); err != nil {
						t.Fatal(name, err)
					}
				}
				if n := must[int](t)(b.Counts["n"].Load(t.Context())); n != 4 {
					t.Error(name, n)
				}
				if all := must[[]string](t)(b.Lists[0].Copy(t.Context())); len(all) != 3 || all[0] != name {
					t.Error(all)
				}
				if pid := must[int](t)(must[*Variable[int]](t)(OpenVariable(t.Context(), m, "by "+name, 0)).Load(t.Context())); pid != user.cmd.Process.Pid {
					t.Error(pid)
				}
			}
		})
	}
}

// roleDialled dials a manager and receives bags by TCP.
var roleDialled = addRole("dialled", func(ctx context.Context, parent *Conn) error {
	p, err := Receive[post](ctx, parent)
	if err != nil {
		return err
	}
	m, err := DialManager(ctx, p.Network, p.Address, ConnConfig{Key: p.Key})
	if err != nil {
		return err
	}
	defer m.Close()
	l, err := Listen("tcp", "127.0.0.1:0", ConnConfig{Key: p.Key})
	if err != nil {
		return err
	}
	defer l.Close()
	if err := Send(ctx, parent, l.Addr().String()); err != nil {
		return err
	}
	c, err := l.Accept(ctx)
	if err != nil {
		return err
	}
	b, err := Receive[bag](ctx, c)
	if err == nil {
		err = b.use(ctx, "dialled")
	}
	return errors.Join(Send(ctx, c, err), parent.Poll(ctx))
})

// Over TCP nothing but bytes travels: handles find the manager that the other process has dialled.
func TestManager_HandlesTravelByTCP(t *testing.T) {
	_, p := served(t, post{"tcp", "127.0.0.1:0", key})
	m := dialManager(t, p)
	b := bagOf(t, m)
	user := startRole(t, roleDialled)
	tell(t, user.Conn, p)
	c, err := Dial(t.Context(), "tcp", hear[string](t, user.Conn), ConnConfig{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tell(t, c, b)
	if err := hear[error](t, c); err != nil {
		t.Fatal(err)
	}
	if n := must[int](t)(b.Counts["n"].Load(t.Context())); n != 2 {
		t.Error(n)
	}
}

// Who has not dialled the manager is told to.
func TestManager_HandleWithoutAWay(t *testing.T) {
	_, p := served(t, post{"tcp", "127.0.0.1:0", key})
	m := dialManager(t, p)
	a, b := net2(t)
	tell(t, a, must[*Lock](t)(m.Lock(t.Context(), "")))
	m.Close()
	if _, err := Receive[*Lock](t.Context(), b); err == nil {
		t.Log("the lock's handle was still open") // the collector decides
	} else if !errors.Is(err, errUnknownManager) {
		t.Error(err)
	}
}

// net2 is a connection by TCP with both ends here.
func net2(t *testing.T) (a, b *Conn) {
	t.Helper()
	l := listen(t, "tcp", "127.0.0.1:0", ConnConfig{Key: key})
	return dial(t, l, ConnConfig{Key: key}), accept(t, l)
}

// A manager can keep handles of what is its own, and hands them out as often as it is asked. It
// does not keep what there can be only one of.
func TestManager_KeepsHandles(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			m := way.make(t)
			d := must[*Map[string, bag]](t)(OpenMap[string, bag](t.Context(), m, "bags"))
			b := bagOf(t, m)
			if err := d.Set(t.Context(), "b", b); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(b.Lock.Detach(), b.Counts["n"].Detach()); err != nil {
				t.Error(err)
			}
			for range 5 {
				got, ok, err := d.Get(t.Context(), "b")
				if err != nil || !ok {
					t.Fatal(ok, err)
				}
				if err := got.use(t.Context(), "kept"); err != nil {
					t.Fatal(err)
				}
			}
			x, y := pipe(t)
			conns := must[*Map[string, *Conn]](t)(OpenMap[string, *Conn](t.Context(), m, ""))
			if err := conns.Set(t.Context(), "x", x); !errors.Is(err, errKept) {
				t.Errorf("a connection in a map: %v", err)
			}
			tell(t, x, 1) // it has stayed here
			hear[int](t, y)
			locks := must[*List[*Lock]](t)(OpenList[*Lock](t.Context(), m, ""))
			if _, err := locks.Append(t.Context(), must[*Lock](t)(localManager(t).Lock(t.Context(), ""))); !errors.Is(err, errKept) {
				t.Errorf("a lock of another manager in a list: %v", err)
			}
		})
	}
}

// A file in a variable is there for everybody who loads it.
func TestManager_KeepsFiles(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			before := openFiles(t)
			f, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("kept"); err != nil {
				t.Fatal(err)
			}
			m := way.make(t)
			v := must[*Variable[*os.File]](t)(OpenVariable(t.Context(), m, "", f))
			f.Close()
			for range 3 {
				got := must[*os.File](t)(v.Load(t.Context()))
				b := make([]byte, 10)
				if n, _ := got.ReadAt(b, 0); string(b[:n]) != "kept" {
					t.Error(string(b[:n]))
				}
				got.Close()
			}
			if way.name != "here" {
				return
			}
			m.Close()
			if after := openFiles(t); after > before {
				t.Errorf("%d descriptors are open, were %d", after, before)
			}
		})
	}
}
