package wordindex

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// crewCount counts as a crew does: each file into a tally, all tallies into one.
func crewCount(t *testing.T, tree *Tree) (*Table, []Record) {
	t.Helper()
	var total, one Table
	var records []Record
	var r Reader
	for i := range tree.Files {
		rec, err := r.Tally(t.Context(), tree.Path(i), &one)
		must(t, err)
		records = append(records, rec)
		total.Merge(one.Copy())
	}
	return &total, records
}

func plain(t *testing.T, tree *Tree) *PlainIndex {
	t.Helper()
	x, err := Plain(t.Context(), tree, func(Record) {})
	must(t, err)
	return x
}

func testTree(t *testing.T) (string, *Tree) {
	dir := lay(t, "a", "one fish two fish", "b", "red fish blue fish", "c", "zero\x00fish", "d", "")
	return dir, walk(t, dir)
}

func TestCompareEqual(t *testing.T) {
	_, tree := testTree(t)
	total, records := crewCount(t, tree)
	v := Compare(&total.Tally, records, plain(t, tree))
	if !v.Agree() || v.Compared != 4 || v.Aside != nil {
		t.Errorf("verdict %+v", v)
	}
}

func TestCompareFindsEveryFault(t *testing.T) {
	_, tree := testTree(t)
	for name, spoil := range map[string]func(*Table, []Record){
		"twice":   func(total *Table, _ []Record) { total.Add([]byte("fish"), 1) },
		"lost":    func(total *Table, _ []Record) { total.Add([]byte("fish"), ^uint64(0)) },
		"foreign": func(total *Table, _ []Record) { total.Add([]byte("bird"), 1) },
		"gone":    func(total *Table, _ []Record) { *total = Table{} },
		"swapped": func(total *Table, _ []Record) { total.Add([]byte("red"), 1); total.Add([]byte("blue"), ^uint64(0)) },
		"record":  func(_ *Table, r []Record) { r[1].Sum++ },
	} {
		total, records := crewCount(t, tree)
		spoil(total, records)
		if v := Compare(&total.Tally, records, plain(t, tree)); v.Agree() {
			t.Errorf("%s: not found: %+v", name, v)
		}
	}
}

func TestCompareNamesTheWords(t *testing.T) {
	_, tree := testTree(t)
	_, records := crewCount(t, tree)
	var other Table
	for word, n := range map[string]uint64{"one": 1, "two": 1, "fish": 5, "red": 1, "bird": 2} {
		other.Add([]byte(word), n)
	}
	v := Compare(&other.Tally, records, plain(t, tree))
	want := []Difference{{"bird", 2, 0}, {"blue", 0, 1}, {"fish", 5, 4}}
	if !slices.Equal(v.Words, want) {
		t.Errorf("differences %v, want %v", v.Words, want)
	}
}

func TestCompareWithChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"rewritten": func(path string) error { return os.WriteFile(path, []byte("two fish one bird"), 0o644) },
		"grown":     func(path string) error { return os.WriteFile(path, []byte("one fish two fish red"), 0o644) },
		"vanished":  os.Remove,
		"binary":    func(path string) error { return os.WriteFile(path, []byte("\x00"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, tree := testTree(t)
			total, records := crewCount(t, tree)
			must(t, change(filepath.Join(dir, "a")))
			x := plain(t, tree)
			if v := Compare(&total.Tally, records, x); !v.Agree() || !slices.Equal(v.Aside, []int{0}) || v.Compared != 3 {
				t.Errorf("verdict %+v", v)
			}
			total.Add([]byte("blue"), 1)
			if v := Compare(&total.Tally, records, x); v.Agree() {
				t.Errorf("a fault beside the change was not found: %+v", v)
			}
		})
	}
}

func TestCompareGivenUp(t *testing.T) {
	_, tree := testTree(t)
	total, records := crewCount(t, tree)
	total.Add([]byte("one"), ^uint64(0))
	total.Add([]byte("two"), ^uint64(0))
	total.Add([]byte("fish"), ^uint64(1))
	records[0] = Record{Kind: GivenUp}
	if v := Compare(&total.Tally, records, plain(t, tree)); !v.Agree() || !slices.Equal(v.Aside, []int{0}) {
		t.Errorf("verdict %+v", v)
	}
}

func TestPlainEndsWithItsContext(t *testing.T) {
	_, tree := testTree(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	n := 0
	_, err := Plain(ctx, tree, func(Record) {
		if n++; n == 2 {
			cancel(why)
		}
	})
	if err != why || n != 2 {
		t.Errorf("error %v after %d files", err, n)
	}
}
