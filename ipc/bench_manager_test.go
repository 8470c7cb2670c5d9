//go:build linux || darwin

package ipc

import "testing"

// managersForTests are the ways in which a manager is reached.
var managersForTests = []struct {
	name string
	make func(t testing.TB) *Manager
}{
	{"here", localManager},
	{"unix", func(t testing.TB) *Manager { return childManager(t, false) }},
	{"tcp", func(t testing.TB) *Manager { return childManager(t, true) }},
}

// To compare: multiprocessing.Manager().Value("i", 0).value, in a loop.
func BenchmarkManagerVariableLoad(b *testing.B) {
	for _, way := range managersForTests {
		b.Run(way.name, func(b *testing.B) {
			v, err := OpenVariable(b.Context(), way.make(b), "", 1)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if n, err := v.Load(b.Context()); n != 1 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// To compare: multiprocessing.Manager().Queue(), put and get by turns.
func BenchmarkManagerQueue(b *testing.B) {
	for _, way := range managersForTests {
		b.Run(way.name, func(b *testing.B) {
			q, err := OpenQueue[[8]int64](b.Context(), way.make(b), "", 10)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := q.Put(b.Context(), [8]int64{1}); err != nil {
					b.Fatal(err)
				}
				if _, err := q.Get(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// To compare: multiprocessing.Manager().Lock(), acquire and release.
func BenchmarkManagerLock(b *testing.B) {
	for _, way := range managersForTests {
		b.Run(way.name, func(b *testing.B) {
			l, err := way.make(b).Lock(b.Context(), "")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := l.Lock(b.Context()); err != nil {
					b.Fatal(err)
				}
				if err := l.Unlock(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
