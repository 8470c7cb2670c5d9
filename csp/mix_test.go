package csp_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe/csp"
)

// desk is a mix of two inputs, and a way to see what becomes of a value put into each.
type desk struct {
	mix       *csp.Mix[string]
	a, b, out *csp.Chan[string]
}

func newDesk(t *testing.T) desk {
	ctx, cancel := context.WithCancel(bg)
	t.Cleanup(cancel)
	d := desk{a: csp.New[string](csp.Fixed(9)), b: csp.New[string](csp.Fixed(9)), out: csp.New[string](csp.Fixed(9))}
	d.mix = csp.NewMix(ctx, d.out)
	d.mix.Add(d.a, csp.Mixing{})
	d.mix.Add(d.b, csp.Mixing{})
	return d
}

// heard puts "a" and "b" into the inputs and returns what comes out, and what stays in them.
func (d desk) heard() (out string, left int) {
	_ = d.a.Put(bg, "a")
	_ = d.b.Put(bg, "b")
	synctest.Wait()
	var vs []string
	for {
		v, s := d.out.TryGet()
		if s != csp.Done {
			break
		}
		vs = append(vs, v)
	}
	slices.Sort(vs)
	for _, v := range vs {
		out += v
	}
	left = d.a.Len() + d.b.Len()
	d.a.TryGet()
	d.b.TryGet()
	return out, left
}

func TestMix(t *testing.T) {
	for _, test := range []struct {
		name        string
		a, b        csp.Mixing
		pauseOthers bool
		out         string
		left        int
	}{
		{name: "both", out: "ab"},
		{name: "mute", a: csp.Mixing{Mute: true}, out: "b"},
		{name: "pause", a: csp.Mixing{Pause: true}, out: "b", left: 1},
		{name: "pause outranks mute", a: csp.Mixing{Pause: true, Mute: true}, out: "b", left: 1},
		{name: "solo mutes the others", a: csp.Mixing{Solo: true}, out: "a"},
		{name: "solo pauses the others", a: csp.Mixing{Solo: true}, pauseOthers: true, out: "a", left: 1},
		{name: "solo outranks mute and pause", a: csp.Mixing{Solo: true, Mute: true, Pause: true}, out: "a"},
		{name: "solo leaves the paused paused", a: csp.Mixing{Solo: true}, b: csp.Mixing{Pause: true}, out: "a", left: 1},
		{name: "two solos", a: csp.Mixing{Solo: true}, b: csp.Mixing{Solo: true}, out: "ab"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := newDesk(t)
				d.mix.PauseOthers(test.pauseOthers)
				d.mix.Toggle(map[*csp.Chan[string]]csp.Mixing{d.a: test.a, d.b: test.b})
				if out, left := d.heard(); out != test.out || left != test.left {
					t.Fatalf("heard %q, %d left in the inputs; want %q, %d", out, left, test.out, test.left)
				}
				d.mix.Toggle(map[*csp.Chan[string]]csp.Mixing{d.a: {}, d.b: {}})
				if out, _ := d.heard(); out != "ab" {
					t.Fatalf("after setting everything back, heard %q", out)
				}
			})
		})
	}
}

func TestMixInputsComeAndGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDesk(t)
		d.mix.Remove(d.a)
		if out, left := d.heard(); out != "b" || left != 1 {
			t.Fatal(out, left)
		}
		d.b.Close()
		synctest.Wait()
		if n := len(d.mix.Inputs()); n != 0 {
			t.Fatal("a closed input stays:", n)
		}
		d.mix.Add(d.a, csp.Mixing{})
		d.mix.RemoveAll()
		if len(d.mix.Inputs()) != 0 || d.out.Closed() {
			t.Fatal("inputs are left, or the end of all inputs ended the mix")
		}
	})
}

func TestG52_MixLosesNothingAcrossToggles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		in, out := csp.New[int](csp.Unbuffered()), csp.New[int](csp.Unbuffered())
		m := csp.NewMix(ctx, out)
		m.Add(in, csp.Mixing{})
		go func() {
			for i := range 200 {
				_ = in.Put(bg, i)
			}
		}()
		go func() {
			for i := range 200 {
				m.Add(in, csp.Mixing{Pause: i%2 == 0})
				synctest.Wait()
			}
		}()
		for want := range 200 {
			if v, _ := out.Get(bg); v != want {
				t.Fatal(v, want)
			}
		}
		cancel()
	})
}
