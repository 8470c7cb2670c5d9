package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWeek runs a week, which is a matter of milliseconds in a bubble.
func TestWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*24*time.Hour-time.Minute)
		defer cancel()
		var out strings.Builder
		if err := run(ctx, &out); err != nil {
			t.Fatal(err)
		}
		for what, want := range map[string]int{"still here": 12, "seven seconds": 1, "report": 5, "backup": 6} {
			if n := strings.Count(out.String(), what); n != want {
				t.Errorf("%q came %d times, want %d", what, n, want)
			}
		}
		if first := "Sat 00:00:05 still here\nSat 00:00:07 seven seconds later\n"; !strings.HasPrefix(out.String(), first) {
			t.Error(out.String()[:100])
		}
	})
}
