package crew

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
	"github.com/troupe-go/troupe/mailbox"
)

// A crew that is stopped again and again goes on where it was.
func TestG70_GoesOn(t *testing.T) {
	store := mailbox.NewMemory()
	defer store.Close()
	tree := lay(t, 3*checkpoint)
	hurt := func(point, string) bool { return rand.IntN(20) == 0 }
	before, stops := 0, 0
	for enough := 10; ; enough += 100 {
		ctx, cancel := context.WithCancel(t.Context())
		seen := -1
		r, err := Run(ctx, tree, Config{Workers: 3, Mail: store, hurt: hurt, Progress: func(p Progress) {
			if seen < 0 {
				seen = p.Before
			}
			if p.Files-p.Before >= enough {
				cancel()
			}
		}})
		cancel()
		if seen < before {
			t.Fatalf("%d files were counted before, but %d had been", seen, before)
		}
		before = r.Progress.Files
		if err == nil {
			if aside := check(t, tree, r); aside != nil {
				t.Errorf("not counted: %v", aside)
			}
			break
		}
		stops++
	}
	if stops < 3 {
		t.Errorf("stopped %d times only", stops)
	}
	totals, err := store.Addresses().Totals(t.Context())
	if err != nil || totals.Waiting != 0 || totals.DeadLetters != 0 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// A storm in a crew with mail, whose members die too.
func TestMailStorm(t *testing.T) {
	for _, victim := range []string{"crew/collector", "crew/feeder", "crew/workers"} {
		store := mailbox.NewMemory()
		tree := lay(t, 400)
		r := killing(t, newCrew(tree, Config{Workers: 4, CrashEvery: time.Millisecond, Mail: store}), victim)
		if aside := check(t, tree, r); aside != nil {
			t.Errorf("not counted: %v", aside)
		}
		store.Close()
	}
}

// A store that keeps the count of one tree does not take another.
func TestOtherTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mailbox.NewMemory()
		defer store.Close()
		tree := lay(t, 5)
		count(t, tree, Config{Workers: 1, Mail: store})
		again := count(t, tree, Config{Workers: 1, Mail: store})
		if again.Progress.Before != 5 || again.Progress.Bytes != 0 {
			t.Errorf("%+v", again.Progress)
		}
		_, err := Run(t.Context(), lay(t, 5), Config{Workers: 1, Mail: store})
		if !errors.Is(err, ErrOtherTree) {
			t.Error(err)
		}
		more := *tree
		more.Files = append([]string{filepath.Join("a", "new")}, tree.Files...)
		if _, err = Run(t.Context(), &more, Config{Workers: 1, Mail: store}); !errors.Is(err, ErrOtherTree) {
			t.Error(err)
		}
	})
}

// What is kept of a sum is all of it.
func TestSumKept(t *testing.T) {
	tree := &wordindex.Tree{Root: "/r", Files: []string{"a", "b", "c"}}
	s := sum{records: make([]wordindex.Record, 3), laid: true}
	var words wordindex.Table
	words.Add([]byte("word"), 7)
	s.add(result{file: 1, rec: wordindex.Record{Kind: wordindex.Counted, Size: 5, Words: 7}, words: words.Copy()})
	s.add(result{file: 2, rec: wordindex.Record{Kind: wordindex.GivenUp, Err: errPoison}})
	kept, err := s.save(tree)
	must(t, err)
	got := sum{records: make([]wordindex.Record, 3)}
	must(t, got.restore(kept, tree))
	top := got.total.Top(5)
	if len(top) != 1 || top[0] != (wordindex.Count{Word: "word", N: 7}) || got.files != 2 || got.before != 2 || !got.laid ||
		got.records[1] != s.records[1] || got.records[2].Err.Error() != errPoison.Error() {
		t.Errorf("%+v", got)
	}
	if err := got.restore(kept[:len(kept)/2], tree); err == nil {
		t.Error("half of it was taken for all")
	}
}
