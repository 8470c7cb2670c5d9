package crew

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// lay makes a tree of n files; the number of words grows from file to file.
func lay(t *testing.T, n int) *wordindex.Tree {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		var text strings.Builder
		for w := range 50 + i {
			fmt.Fprintf(&text, "word%d common file%d\n", w%97, i)
		}
		path := filepath.Join(dir, fmt.Sprintf("%04d.txt", i))
		must(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
	tree, err := wordindex.Walk(t.Context(), dir)
	must(t, err)
	return tree
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check compares what a crew has counted with a plain count. It returns the
// files that are not in it.
func check(t *testing.T, tree *wordindex.Tree, r *Result) []int {
	t.Helper()
	plain, err := wordindex.Plain(t.Context(), tree, func(wordindex.Record) {})
	must(t, err)
	v := wordindex.Compare(r.Index, r.Records, plain)
	if !v.Agree() {
		t.Errorf("the counts differ: %+v", v)
	}
	return v.Aside
}

// count runs a crew and checks that it has counted all files.
func count(t *testing.T, tree *wordindex.Tree, cfg Config) *Result {
	t.Helper()
	r, err := Run(t.Context(), tree, cfg)
	must(t, err)
	if aside := check(t, tree, r); aside != nil {
		t.Errorf("not counted: %v", aside)
	}
	return r
}

// A plan says how often files hurt at which point.
type plan struct {
	mu   sync.Mutex
	left map[point]map[string]int
}

func (p *plan) hurt(at point, path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[at][path]--
	return p.left[at][path] >= 0
}

func TestNoCrash(t *testing.T) {
	for _, files := range []int{1, 2, 100} {
		for _, workers := range []int{1, 3, 20} {
			synctest.Test(t, func(t *testing.T) {
				tree := lay(t, files)
				r := count(t, tree, Config{Workers: workers})
				if r.Stats.Crashes != 0 || r.Stats.Repeats != 0 || r.Stats.Remaining != 0 || r.Progress.Files != files {
					t.Errorf("%d workers, %d files: %+v %+v", workers, files, r.Stats, r.Progress)
				}
			})
		}
	}
}

// Every file crashes its workers in one of all possible ways.
func TestEachFileCountsOnceWhateverCrashes(t *testing.T) {
	for _, workers := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			tree := lay(t, 120)
			p := plan{left: map[point]map[string]int{reading: {}, sent: {}}}
			want := 0
			for i := range tree.Files {
				p.left[reading][tree.Path(i)] = i % 3
				p.left[sent][tree.Path(i)] = i % 2
				want += i%3 + i%2
			}
			r := count(t, tree, Config{Workers: workers, hurt: p.hurt})
			// The last crash may be one too late to be heard of.
			if got := r.Stats.Crashes; got < want-workers || got > want {
				t.Errorf("%d crashes, want %d", got, want)
			}
			if s := r.Stats; s.Restarts < s.Crashes-workers || s.Renewals != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Real time, real crashes, and dice on top of them.
func TestStorm(t *testing.T) {
	tree := lay(t, 500)
	hurt := func(point, string) bool { return rand.IntN(4) == 0 }
	r := count(t, tree, Config{Workers: 4, CrashEvery: time.Millisecond, hurt: hurt})
	if r.Stats.Crashes == 0 || r.Stats.Reissued == 0 {
		t.Errorf("no storm: %+v", r.Stats)
	}
	t.Logf("%+v", r.Stats)
}

// A file that always hurts is spared after a few crashes.
func TestSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := lay(t, 10)
		slow := tree.Path(4)
		hurt := func(at point, path string) bool { return at == reading && path == slow }
		if r := count(t, tree, Config{Workers: 2, hurt: hurt}); r.Stats.Crashes != spareAfter {
			t.Errorf("%d crashes, want %d", r.Stats.Crashes, spareAfter)
		}
	})
}

func TestPoisonIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := lay(t, 60)
		poison := []int{7, 17, 27, 37, 47, 57}
		cfg := Config{Workers: 3, Poison: "00?7.txt"}
		p := plan{left: map[point]map[string]int{reading: {}, sent: {}}}
		p.left[reading][tree.Path(7)] = 2 // a crash for another reason is no death of poison
		cfg.hurt = p.hurt
		r, err := Run(t.Context(), tree, cfg)
		must(t, err)
		if aside := check(t, tree, r); !slices.Equal(aside, poison) {
			t.Errorf("not counted: %v, want %v", aside, poison)
		}
		for _, i := range poison {
			if rec := r.Records[i]; rec.Kind != wordindex.GivenUp || !errors.Is(rec.Err, errPoison) {
				t.Errorf("file %d: %+v", i, rec)
			}
		}
		if want := MaxDeaths*len(poison) + 2; r.Stats.Crashes != want {
			t.Errorf("%d crashes, want %d", r.Stats.Crashes, want)
		}
	})
}

// killing runs a crew and kills one of its members in the middle.
func killing(t *testing.T, c *crew, victim string) *Result {
	t.Helper()
	var self *troupe.Self[news]
	killed := false
	c.Progress = func(p Progress) {
		if p.Files >= 30 && !killed {
			killed = true
			must(t, troupe.Named[troupe.None](victim).PID().Kill(self))
		}
	}
	must(t, troupe.Run(t.Context(), func(s *troupe.Self[news]) error {
		self = s
		return c.lead(s)
	}, troupe.Logger(c.Log)))
	return c.outcome(0)
}

func TestAnyMemberMayDie(t *testing.T) {
	for victim, renewals := range map[string]int{
		"crew/collector": 1, "crew/feeder": 1, "crew/workers": 1, "crew/workers/worker-2": 0,
	} {
		t.Run(victim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tree := lay(t, 100)
				r := killing(t, newCrew(tree, Config{Workers: 3}), victim)
				if aside := check(t, tree, r); aside != nil {
					t.Errorf("not counted: %v", aside)
				}
				// The victim may have died when its work was done already.
				if r.Stats.Renewals > renewals {
					t.Errorf("%+v, want %d renewals", r.Stats, renewals)
				}
			})
		})
	}
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := lay(t, 100)
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		var last Progress
		r, err := Run(ctx, tree, Config{Workers: 2, Progress: func(p Progress) {
			if last = p; p.Files == 10 {
				cancel(why)
			}
		}})
		if err != why || r.Index != nil || r.Progress != last || r.Stats.Remaining != 100-last.Files {
			t.Errorf("error %v, result %+v", err, r)
		}
	})
}

func TestInterruptedBefore(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if r, err := Run(ctx, lay(t, 3), Config{Workers: 2}); err != why || r.Index != nil {
		t.Errorf("error %v, result %+v", err, r)
	}
}

// A member that fails whenever it is started ends the crew with its error.
func TestCrewGivesUp(t *testing.T) {
	c := newCrew(lay(t, 3), Config{Workers: 2})
	err := troupe.Run(t.Context(), func(self *troupe.Self[news]) error {
		spec := c.spec()
		spec.Children[0].Body = troupe.Function(func(*troupe.Self[result]) error { return errPoison })
		return c.follow(self, spec)
	}, troupe.Logger(c.Log))
	if !errors.Is(err, errPoison) {
		t.Errorf("error %v, want %v", err, errPoison)
	}
}
