package flow_test

import (
	"testing"

	"github.com/troupe-go/troupe/flow"
)

// TestNoAllocationsPerItem compares a stream of few items with one of many.
func TestNoAllocationsPerItem(t *testing.T) {
	const few, many = 100, 20_100
	for name, opts := range map[string][]flow.Option{
		"inline":    nil,
		"unordered": {flow.Parallel(2)},
		"ordered":   {flow.Parallel(2), flow.Ordered()},
	} {
		cost := func(n int) float64 {
			s := flow.Map(flow.FromSeq(numbers(n)), trivial, opts...)
			return testing.AllocsPerRun(5, func() {
				for range s.All(t.Context()) {
				}
			})
		}
		// A worker that is held up may give back a part of its chunk, which allocates.
		if each := (cost(many) - cost(few)) / (many - few); each > 0.01 {
			t.Errorf("%s: %v allocations for each item", name, each)
		}
	}
}
