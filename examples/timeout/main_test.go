package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimeouts(t *testing.T) {
	for _, test := range []struct {
		perMessage, all, took time.Duration
		want                  string
	}{
		// Messages come at 0, 0, 20, 60, 120, 200 ms.
		{70 * time.Millisecond, time.Minute, 190 * time.Millisecond, "Joe 0\nJoe 1\nJoe 2\nJoe 3\nJoe 4\nYou're too slow.\n"},
		{time.Minute, 70 * time.Millisecond, 70 * time.Millisecond, "Joe 0\nJoe 1\nJoe 2\nJoe 3\nYou talk too much.\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			start := time.Now()
			patient(t.Context(), &out, test.perMessage, test.all)
			if out.String() != test.want || time.Since(start) != test.took {
				t.Fatal(out.String(), time.Since(start))
			}
		})
	}
}
