package osproc_test

import (
	"context"
	"testing"

	"github.com/troupe-go/troupe/osproc"
)

func TestMain(m *testing.M) {
	osproc.Main()
	m.Run()
}

var double = osproc.Register("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

func TestStart(t *testing.T) {
	p, err := double.Start(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.Wait(t.Context())
	if n != 8 || err != nil {
		t.Fatal(n, err)
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p, err := double.Start(b.Context(), 4)
		if err != nil {
			b.Fatal(err)
		}
		_ = p
	}
}
func BenchmarkStartWait(b *testing.B) {
	for b.Loop() {
		p, err := double.Start(b.Context(), 4)
		if err != nil {
			b.Fatal(err)
		}
		p.Wait(b.Context())
	}
}
