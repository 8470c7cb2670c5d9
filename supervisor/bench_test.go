package supervisor_test

import (
	"context"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func benchNode(b *testing.B, s spec, f func(self *root, sup ref)) {
	b.Helper()
	err := troupe.Run(b.Context(), func(self *root) error {
		b.ReportAllocs()
		f(self, launch(self, s))
		b.StopTimer()
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRestart measures how many times a second a child fails and is
// started again.
func BenchmarkRestart(b *testing.B) {
	done := make(chan struct{})
	n := b.N
	benchNode(b, spec{Intensity: 1 << 60, Children: []child{{Name: "x", Body: troupe.Service(func(ctx context.Context) error {
		if n--; n == 0 {
			close(done)
			<-ctx.Done()
		}
		return errBoom
	})}}}, func(*root, ref) { <-done })
}

// BenchmarkRestartOneForAll restarts groups of ten.
func BenchmarkRestartOneForAll(b *testing.B) {
	var children []child
	for range 9 {
		children = append(children, child{Body: member})
	}
	done := make(chan struct{})
	n := b.N
	children = append(children, child{Body: troupe.Service(func(ctx context.Context) error {
		if n--; n == 0 {
			close(done)
			<-ctx.Done()
		}
		return errBoom
	})})
	benchNode(b, spec{Strategy: supervisor.OneForAll, Intensity: 1 << 60, Children: children}, func(*root, ref) { <-done })
}

func benchAddRemove(b *testing.B, c child, others int) {
	benchNode(b, spec{}, func(self *root, sup ref) {
		for range others {
			supervisor.Add(self, sup, child{Body: member})
		}
		b.ResetTimer()
		for range b.N {
			pid, err := supervisor.Add(self, sup, c)
			if err == nil {
				err = supervisor.Remove(self, sup, pid)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

var waiting = troupe.Service(func(ctx context.Context) error {
	<-ctx.Done()
	return nil
})

func BenchmarkAddRemoveHandler(b *testing.B) { benchAddRemove(b, child{Body: member}, 0) }

// The cost must not grow with the number of children.
func BenchmarkAddRemoveHandlerAmong100000(b *testing.B) {
	benchAddRemove(b, child{Body: member}, 100_000)
}

func BenchmarkAddRemoveService(b *testing.B) { benchAddRemove(b, child{Body: waiting}, 0) }

func BenchmarkAddRemoveNamed(b *testing.B) {
	benchAddRemove(b, child{Name: "x", Body: waiting}, 0)
}

// BenchmarkAddEnd adds children that end by themselves.
func BenchmarkAddEnd(b *testing.B) {
	benchNode(b, spec{}, func(self *root, sup ref) {
		c := child{Restart: supervisor.Temporary, Body: troupe.Service(func(context.Context) error { return nil })}
		for range b.N {
			if _, err := supervisor.Add(self, sup, c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCountAmong100000(b *testing.B) {
	benchNode(b, spec{}, func(self *root, sup ref) {
		for range 100_000 {
			supervisor.Add(self, sup, child{Body: member})
		}
		b.ResetTimer()
		for range b.N {
			supervisor.Count(self, sup)
		}
	})
}
