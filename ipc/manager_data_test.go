//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
)

func TestManager_Variable(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		v := must[*Variable[job]](t)(OpenVariable(ctx, m, "job", job{1, "x", []byte{1, 2}}))
		for i := range 3 {
			got := must[job](t)(v.Load(ctx))
			if got.ID != 1 || got.Name != "x" || !slices.Equal(got.Data, []byte{1, 2}) {
				t.Errorf("%d: %v", i, got)
			}
			got.Data[0] = 99 // a copy
		}
		n := must[*Variable[int]](t)(OpenVariable(ctx, m, "n", 0))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 25 {
					if _, err := n.Update(ctx, func(n int) int { return n + 1 }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := must[int](t)(n.Load(ctx)); got != 100 {
			t.Error(got)
		}
	})
}

// Whoever reads after a store has returned, in whatever process, reads what was stored.
func TestManager_VariableIsNeverOld(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			v := must[*Variable[int]](t)(OpenVariable(t.Context(), way.make(t), "", 0))
			other := startRole(t, roleStore)
			tell(t, other.Conn, v)
			for i := 1; i <= 300; i++ {
				tell(t, other.Conn, i)
				if err := hear[error](t, other.Conn); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if got := must[int](t)(v.Load(t.Context())); got != i {
						t.Fatalf("%d, but %d was stored", got, i)
					}
				}
				if i%3 == 0 {
					if err := v.Store(t.Context(), -i); err != nil {
						t.Fatal(err)
					}
					if got := must[int](t)(v.Load(t.Context())); got != -i {
						t.Fatalf("%d, but %d was stored here", got, -i)
					}
				}
			}
		})
	}
}

// roleStore stores in a variable what it receives, and answers with the error.
var roleStore = addRole("store", func(ctx context.Context, parent *Conn) error {
	v, err := Receive[*Variable[int]](ctx, parent)
	if err != nil {
		return err
	}
	for {
		n, err := Receive[int](ctx, parent)
		if err != nil {
			return nil
		}
		if err := Send(ctx, parent, v.Store(ctx, n)); err != nil {
			return err
		}
	}
})

func TestManager_List(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		l := must[*List[string]](t)(OpenList[string](ctx, m, "l"))
		is := func(want ...string) {
			t.Helper()
			if got := must[[]string](t)(l.Copy(ctx)); !slices.Equal(got, want) {
				t.Fatalf("%q, want %q", got, want)
			}
		}
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		is()
		if n := must[int](t)(l.Append(ctx, "b", "d")); n != 2 {
			t.Error(n)
		}
		ok(l.Insert(ctx, 1, "c"))
		ok(l.Insert(ctx, 0, "a"))
		ok(l.Insert(ctx, 99, "e"))
		is("a", "b", "c", "d", "e")
		ok(l.Set(ctx, 2, "C"))
		if got := must[string](t)(l.Get(ctx, 2)); got != "C" {
			t.Error(got)
		}
		if got := must[[]string](t)(l.Slice(ctx, 1, 3)); !slices.Equal(got, []string{"b", "C"}) {
			t.Error(got)
		}
		if got := must[string](t)(l.Remove(ctx, 0)); got != "a" {
			t.Error(got)
		}
		if got := must[[]string](t)(l.RemoveSlice(ctx, 1, 3)); !slices.Equal(got, []string{"C", "d"}) {
			t.Error(got)
		}
		is("b", "e")
		for _, i := range []int{-1, 2, 99} {
			if _, err := l.Get(ctx, i); !errors.Is(err, ErrNotFound) {
				t.Errorf("element %d: %v", i, err)
			}
			if err := l.Set(ctx, i, "x"); !errors.Is(err, ErrNotFound) {
				t.Errorf("element %d: %v", i, err)
			}
		}
		if _, err := l.Slice(ctx, 2, 1); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		ok(l.Update(ctx, func(all []string) []string { slices.Reverse(all); return append(all, "z") }))
		is("e", "b", "z")
		if n := must[int](t)(l.Len(ctx)); n != 3 {
			t.Error(n)
		}
		ok(l.Clear(ctx))
		is()
	})
}

func TestManager_Map(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		d := must[*Map[string, job]](t)(OpenMap[string, job](ctx, m, "d"))
		if _, ok, err := d.Get(ctx, "x"); ok || err != nil {
			t.Error(ok, err)
		}
		if err := errors.Join(d.Set(ctx, "x", job{ID: 1}), d.Set(ctx, "", job{ID: 2}), d.Set(ctx, "x", job{ID: 3})); err != nil {
			t.Error(err)
		}
		if v, ok, err := d.Get(ctx, "x"); v.ID != 3 || !ok || err != nil {
			t.Error(v, ok, err)
		}
		if v, loaded, err := d.SetDefault(ctx, "x", job{ID: 9}); v.ID != 3 || !loaded || err != nil {
			t.Error(v, loaded, err)
		}
		if v, loaded, err := d.SetDefault(ctx, "y", job{ID: 9}); v.ID != 9 || loaded || err != nil {
			t.Error(v, loaded, err)
		}
		all := must[map[string]job](t)(d.Copy(ctx))
		ids := make(map[string]int)
		for k, v := range all {
			ids[k] = v.ID
		}
		if !maps.Equal(ids, map[string]int{"": 2, "x": 3, "y": 9}) {
			t.Error(ids)
		}
		if v, ok, err := d.Delete(ctx, "x"); v.ID != 3 || !ok || err != nil {
			t.Error(v, ok, err)
		}
		if _, ok, err := d.Delete(ctx, "x"); ok || err != nil {
			t.Error(ok, err)
		}
		if err := d.Clear(ctx); err != nil {
			t.Error(err)
		}
		if n := must[int](t)(d.Len(ctx)); n != 0 {
			t.Error(n)
		}
		if _, err := OpenMap[string, func()](ctx, m, ""); err == nil {
			t.Error("functions in a map")
		}
		if _, err := OpenMap[int, job](ctx, m, "d"); err == nil {
			t.Error("a map with other keys was opened")
		}
	})
}

func TestManager_MapForMany(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		d := must[*Map[string, job]](t)(OpenMap[string, job](ctx, m, ""))
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for range 20 {
					_, err := d.Update(ctx, "n", func(v job, ok bool) job {
						v.ID++
						return v
					})
					if err != nil {
						t.Error(err)
					}
					if err := d.Set(ctx, strconv.Itoa(i), job{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if v, _, err := d.Get(ctx, "n"); v.ID != 80 || err != nil {
			t.Error(v, err)
		}
		if n := must[int](t)(d.Len(ctx)); n != 5 {
			t.Error(n)
		}
	})
}

// A name that was given to another type of value is noticed by who reads it.
func TestManager_ValueOfAnotherType(t *testing.T) {
	m := localManager(t)
	must[*Variable[int]](t)(OpenVariable(t.Context(), m, "v", 1))
	v := must[*Variable[string]](t)(OpenVariable(t.Context(), m, "v", ""))
	_, err := v.Load(t.Context())
	var wrong *TypeError
	if !errors.As(err, &wrong) {
		t.Error(err)
	}
}

// A client that is another program has no part in locks and queues of Go values, but in data: it
// reads what this program wrote if the types are the same, and writes CBOR.
func TestManager_OtherProgram(t *testing.T) {
	m := localManager(t)
	ours := must[*Map[string, job]](t)(OpenMap[string, job](t.Context(), m, "jobs"))
	if err := ours.Set(t.Context(), "ours", job{1, "x", []byte{1}}); err != nil {
		t.Fatal(err)
	}
	x, y := net.Pipe()
	if _, err := m.b.newSession(newConn(newStream(x), false)); err != nil {
		t.Fatal(err)
	}
	l := &link{transport: newClient(newConn(newStream(y), false), m.b.id), id: m.b.id, refs: 1}
	other := must[*Manager](t)(openManager(open(l, rootNumber)))
	defer other.Close()
	theirs := must[*Map[string, job]](t)(OpenMap[string, job](t.Context(), other, "jobs"))
	if v, ok, err := theirs.Get(t.Context(), "ours"); v.ID != 1 || !ok || err != nil {
		t.Error(v, ok, err)
	}
	if err := theirs.Set(t.Context(), "theirs", job{2, "y", []byte{2}}); err != nil {
		t.Error(err)
	}
	if v, ok, err := ours.Get(t.Context(), "theirs"); v.ID != 2 || v.Name != "y" || !ok || err != nil {
		t.Error(v, ok, err)
	}
	if _, err := OpenQueue[int](t.Context(), other, "", 1); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if _, err := OpenVariable(t.Context(), other, "", struct{ hidden int }{1}); err == nil {
		t.Error("CBOR would lose what is not exported")
	}
}
