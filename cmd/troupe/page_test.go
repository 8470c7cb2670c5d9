package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/troupe-go/troupe/cmd/troupe/internal/crew"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0":                                     group(0),
		"999":                                   group(999),
		"1,000":                                 group(1000),
		"12,345,678":                            group(uint64(12345678)),
		"0 B":                                   size(0),
		"1.5 kB":                                size(1500),
		"109.1 MB":                              size(109_068_465),
		"3.00 GB":                               size(3e9),
		"1 crash":                               plural(1, "crash"),
		"2 crashes":                             plural(2, "crash"),
		"1,000 files":                           plural(1000, "file"),
		"0 more directories":                    plural(0, "more directory"),
		"":                                      optional(0, "%d"),
		", 2 special":                           optional(2, ", %d special"),
		"2.0 MB in 500ms, 20 files/s, 4.0 MB/s": pace{10, 2e6, 500 * time.Millisecond}.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	_ = pace{}.String() // no division by zero
}

// reported returns what the verdict looks like, and the error.
func reported(v wordindex.Verdict, kinds ...wordindex.Kind) (string, error) {
	var out bytes.Buffer
	tree, r := &wordindex.Tree{}, &crew.Result{}
	for i, k := range kinds {
		tree.Files = append(tree.Files, fmt.Sprint("file", i))
		r.Records = append(r.Records, wordindex.Record{Kind: k})
	}
	err := page{&out}.verdict(tree, r, &v, pace{})
	return out.String(), err
}

func TestVerdictChanged(t *testing.T) {
	counted := []wordindex.Kind{1, 1, 1, 1, 1, 1, 1, 1}
	out, err := reported(wordindex.Verdict{Aside: []int{0, 1, 2, 3, 4, 5, 6}}, counted...)
	must(t, err)
	wants(t, out, "file0: between the two counts", "and 2 more files", "agree but for the files that changed")
}

func TestVerdictDiffers(t *testing.T) {
	words := make([]wordindex.Difference, 7)
	words[0] = wordindex.Difference{Word: "fish", Crew: 1234, Plain: 5}
	out, err := reported(wordindex.Verdict{Words: words, Files: []int{0}}, wordindex.Counted)
	if err == nil {
		t.Error("no error")
	}
	wants(t, out, "fish: 1,234 by the crew, 5 by the plain count", "file0: same content, other words", "and 2 more")
	out, err = reported(wordindex.Verdict{Unexplained: true, Aside: []int{0}}, wordindex.Counted)
	if err == nil {
		t.Error("no error")
	}
	wants(t, out, "differ by more than the files that changed")
}

func TestListsAreShort(t *testing.T) {
	var out bytes.Buffer
	tree := &wordindex.Tree{Files: []string{"file"}, Special: 1}
	for range maxListed + 1 {
		tree.Problems = append(tree.Problems, wordindex.Problem{Path: "dir", Err: errors.New("denied")})
	}
	page{&out}.start(tree, &demo{Crew: 1})
	wants(t, out.String(), "1 file in", "with 1 worker between a feeder and a collector.\n", "unreadable +dir: denied", "and 1 more directory")
}
