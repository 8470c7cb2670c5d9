package csp_test

import (
	"testing"

	"github.com/troupe-go/troupe/csp"
)

// TestNoAllocations holds the operations that are used for every value to no allocation.
func TestNoAllocations(t *testing.T) {
	c, s := csp.New[int](csp.Fixed(1)), csp.New[int](csp.Sliding(1))
	d := csp.New[int](csp.Dropping(1))
	other := csp.New[int](csp.Unbuffered())
	var v int
	get, never := csp.Recv(c, &v), csp.Recv(other, &v)
	for name, f := range map[string]func(){
		"put and get": func() { _ = c.Put(t.Context(), 1); c.Get(t.Context()) },
		"try":         func() { c.TryPut(1); c.TryGet() },
		"sliding":     func() { _ = s.Put(t.Context(), 1) },
		"dropping":    func() { _ = d.Put(t.Context(), 1) },
		"select":      func() { c.TryPut(1); _, _, _ = csp.Select(t.Context(), never, get) },
		"stats":       func() { _ = c.Stats() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
