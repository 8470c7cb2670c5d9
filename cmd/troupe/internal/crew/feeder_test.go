package crew

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// A worker that runs ahead of the collector has to wait.
func TestWindow(t *testing.T) {
	inNode(t, 10, func(self *troupe.Self[troupe.None], feeder troupe.Ref[order]) {
		for want := range window {
			if j := ask(t, self, feeder); j.File != want {
				t.Errorf("file %d, want %d", j.File, want)
			}
		}
		ctx, cancel := context.WithTimeout(self, time.Hour)
		defer cancel()
		if j, err := troupe.AskWith(ctx, feeder, askNext, troupe.None{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the worker got %+v, %v beyond its window", j, err)
		}
		must(t, feeder.Send(self, accepted{2}))
		if j := ask(t, self, feeder); j.File != window {
			t.Errorf("file %d, want %d", j.File, window)
		}
	})
}

// What a dead worker held is handed out again, but not what was accepted.
func TestLeasesOfTheDead(t *testing.T) {
	inNode(t, 5, func(self *troupe.Self[troupe.None], feeder troupe.Ref[order]) {
		worker := troupe.Spawn(self, func(w *troupe.Self[troupe.None]) error {
			for range 3 {
				ask(t, w, feeder)
			}
			return errSabotage
		})
		if err := worker.PID().Wait(self); err != errSabotage {
			t.Fatal(err)
		}
		must(t, feeder.Send(self, accepted{1}))
		var got []int
		for range 4 {
			j := ask(t, self, feeder)
			must(t, feeder.Send(self, accepted{j.File}))
			got = append(got, j.File)
		}
		seen := map[int]bool{}
		for _, f := range got {
			seen[f] = true
		}
		if seen[1] || len(seen) != 4 {
			t.Errorf("handed out %v, want 0, 2, 3 and 4", got)
		}
	})
}

func ask(t *testing.T, ctx context.Context, feeder troupe.Ref[order]) job {
	t.Helper()
	j, err := troupe.AskWith(ctx, feeder, askNext, troupe.None{})
	must(t, err)
	return j
}

// inNode runs f as a process beside a feeder for n files.
func inNode(t *testing.T, n int, f func(*troupe.Self[troupe.None], troupe.Ref[order])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(&wordindex.Tree{Files: make([]string, n)}, Config{})
		must(t, troupe.Run(t.Context(), func(self *troupe.Self[troupe.None]) error {
			f(self, troupe.Spawn(self, c.feed))
			return nil
		}))
	})
}
