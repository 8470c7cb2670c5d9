package station_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// workflow registers /a, /a/b and /a/b/c, which hand a word on and record how it
// came to them.
func workflow(s *station.Station) *record[string] {
	log := &record[string]{}
	step := func(ctx context.Context, m station.Mail[string]) error {
		log.add(fmt.Sprintf("%s from %q flow %q hop %d: %s", m.Address, m.From, m.Flow, m.Hop, m.Body))
		if next := map[string]string{"/a": "b", "/a/b": "c"}[m.Address]; next != "" {
			return station.Forward(ctx, s, m.Child(next), m.Body+next)
		}
		return nil
	}
	for _, p := range []string{"/a", "/a/b", "/a/b/c"} {
		station.HandleFunc(s, p, step, station.Options{})
	}
	return log
}

func TestFlowTravelsWithEveryHop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		log := workflow(s)
		start(t, s)
		tell(t, s, "/a", "x", station.Flow("f1"))
		synctest.Wait()
		tell(t, s, "/a", "y")
		synctest.Wait()
		wantList(t, log.get(),
			`/a from "" flow "f1" hop 0: x`, `/a/b from "/a" flow "f1" hop 1: xb`, `/a/b/c from "/a/b" flow "f1" hop 2: xbc`,
			`/a from "" flow "" hop 0: y`, `/a/b from "/a" flow "" hop 1: yb`, `/a/b/c from "/a/b" flow "" hop 2: ybc`)
	})
}

func TestNewFlowsDiffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		flows := map[string]bool{}
		station.HandleFunc(s, "/a", func(_ context.Context, m station.Mail[int]) error {
			flows[m.Flow] = true
			return nil
		}, station.Options{})
		start(t, s)
		for i := range 10 {
			tell(t, s, "/a", i, station.NewFlow())
		}
		synctest.Wait()
		if len(flows) != 10 || flows[""] {
			t.Error(flows)
		}
	})
}

func TestForwardGoesDownOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		errs := &record[error]{}
		station.HandleFunc(s, "/a/b", func(ctx context.Context, m station.Mail[int]) error {
			for _, to := range []string{"/a", "/a/b", "/a/bc", "/a/b/c"} {
				errs.add(station.Forward(ctx, s, to, 1))
			}
			return nil
		}, station.Options{})
		station.Elsewhere(s, "/a/b/c", station.Options{})
		start(t, s)
		must(t, station.Forward(t.Context(), s, "/a/b", 1))
		synctest.Wait()
		for i, err := range errs.get() {
			if want := []error{station.ErrNotBelow, station.ErrNotBelow, station.ErrNotBelow, nil}[i]; want == nil {
				must(t, err)
			} else {
				wantErr(t, err, want)
			}
		}
		if len(errs.get()) != 4 {
			t.Error(errs.get())
		}
	})
}

func TestTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		station.HandleFunc(s, "/shop", func(context.Context, station.Mail[int]) error { return nil }, station.Options{})
		got := &record[string]{}
		station.HandleFunc(s, "/shop/cart/{id}", func(_ context.Context, m station.Mail[int]) error {
			if m.Parent() != "/shop/cart" {
				t.Error(m.Parent())
			}
			got.add(m.Param("id"))
			return nil
		}, station.Options{Idle: time.Hour})
		station.HandleFunc(s, "/other/{x}", func(context.Context, station.Mail[string]) error { return nil }, station.Options{})
		start(t, s)
		must(t, s.Stop("/shop/cart/2"))
		tell(t, s, "/shop/cart/1", 1)
		tell(t, s, "/shop/cart/2", 1)
		tell(t, s, "/other/1", "")
		synctest.Wait()
		got.list = nil
		nodes, err := s.Subtree(t.Context(), "/shop")
		must(t, err)
		var list []string
		for _, n := range nodes {
			list = append(list, fmt.Sprint(n.Address, " ", n.Pattern, " ", n.Here, n.Stopped, n.Working))
		}
		wantList(t, list, "/shop /shop false false false", "/shop/cart/1 /shop/cart/{id} true false false", "/shop/cart/2 /shop/cart/{id} false true false")
		children, err := s.Children(t.Context(), "/shop")
		must(t, err)
		wantList(t, children, "/shop/cart")
		children, _ = s.Children(t.Context(), "/shop/cart")
		wantList(t, children, "/shop/cart/1", "/shop/cart/2")
		children, _ = s.Children(t.Context(), "/")
		wantList(t, children, "/other", "/shop")

		n, err := station.TellAll(t.Context(), s, "/shop", 7)
		if must(t, err); n != 2 {
			t.Error("told", n)
		}
		synctest.Wait()
		wantList(t, got.get(), "1")
		must(t, s.Start("/shop/cart/2"))
		synctest.Wait()
		list = got.get()
		slices.Sort(list)
		wantList(t, list, "1", "2", "2")
		if n, err = station.TellAll(t.Context(), s, "/", "word"); n != 1 || err != nil {
			t.Error("told", n, err) // only those who take words
		}
	})
}

func TestTypesAndPatternsAreChecked(t *testing.T) {
	for name, store := range map[string]func(*testing.T) mailbox.Store{
		"values": func(t *testing.T) mailbox.Store { m := mailbox.NewMemory(); t.Cleanup(func() { m.Close() }); return m },
		"bytes":  func(t *testing.T) mailbox.Store { return newByteStore(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := station.New(store(t))
			must(t, station.Tell(t.Context(), s, "/anywhere", 1)) // it has no patterns: a sender only
			numbers(s, "/a", station.Options{})
			station.HandleFunc(s, "/any", func(context.Context, station.Mail[any]) error { return nil }, station.Options{})
			wantErr(t, station.Tell(t.Context(), s, "/a", "word"), troupe.ErrWrongType)
			wantErr(t, station.Tell(t.Context(), s, "/b", 1), station.ErrNoPattern)
			wantErr(t, station.Tell(t.Context(), s, "b", 1), mailbox.ErrAddress)
			must(t, station.Tell(t.Context(), s, "/any", 1))
			must(t, station.Tell[any](t.Context(), s, "/any", nil))
		})
	}
}

func TestHandleRefusesMisuse(t *testing.T) {
	f := func(context.Context, station.Mail[int]) error { return nil }
	for name, misuse := range map[string]func(s *station.Station){
		"conflict": func(s *station.Station) {
			station.HandleFunc(s, "/a/{x}", f, station.Options{})
			station.HandleFunc(s, "/{y}/b", f, station.Options{})
		},
		"no pattern": func(s *station.Station) { station.HandleFunc(s, "a", f, station.Options{}) },
		"reserved":   func(s *station.Station) { station.HandleFunc(s, "/~x", f, station.Options{}) },
		"no store":   func(*station.Station) { station.New(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v == nil {
					t.Error("no panic")
				} else {
					t.Log(v)
				}
			}()
			misuse(station.New(mailbox.NewMemory()))
		})
	}
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		start(t, s)
		synctest.Wait()
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		station.HandleFunc(s, "/late", f, station.Options{})
	})
}
