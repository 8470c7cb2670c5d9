package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-go/troupe/cmd/troupe/internal/crew"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// maxListed is how many files or words are named where there may be many.
const maxListed = 5

// A page is what the demo prints.
type page struct{ io.Writer }

// line prints a line with a heading in its margin.
func (p page) line(heading, format string, args ...any) {
	fmt.Fprintf(p, "  %-12s%s\n", heading, fmt.Sprintf(format, args...))
}

// start prints what is about to be counted, and by whom.
func (p page) start(t *wordindex.Tree, d *demo) {
	if len(t.Files) == 0 {
		fmt.Fprintf(p, "There are no files to count in %s.\n", t.Root)
	} else {
		workers, crash := "worker", "crashes"
		if d.isolated() {
			workers, crash = "OS process", "is killed"
		}
		if d.CrashEvery > 0 {
			crash = fmt.Sprintf("; every %v one %s", d.CrashEvery, crash)
		} else {
			crash = ""
		}
		fmt.Fprintf(p, "Counting the words of %s in %s\n", plural(len(t.Files), "file"), t.Root)
		fmt.Fprintf(p, "with %s between a feeder and a collector%s.\n\n", plural(d.Crew, workers), crash)
	}
	for _, x := range t.Problems[:min(len(t.Problems), maxListed)] {
		p.line("unreadable", "%s: %v", x.Path, x.Err)
	}
	if n := len(t.Problems) - maxListed; n > 0 {
		p.line("", "and %s", plural(n, "more directory"))
	}
}

// counted prints what the crew has done.
func (p page) counted(t *wordindex.Tree, r *crew.Result, durable string) {
	kinds := map[wordindex.Kind]int{}
	var words uint64
	for i := range r.Records {
		kinds[r.Records[i].Kind]++
		words += r.Records[i].Words
	}
	s := r.Stats
	p.line("counted", "%s words, %s different, in %s",
		group(words), group(r.Index.Len()), plural(kinds[wordindex.Counted], "file"))
	p.line("passed over", "%s, %d unreadable, %s%s", plural(kinds[wordindex.Binary], "binary file"),
		kinds[wordindex.Unreadable], plural(t.Links, "symbolic link"), optional(t.Special, ", %d special"))
	p.line("throughput", "%v", pace{len(r.Records) - r.Progress.Before, r.Progress.Bytes, s.Elapsed})
	if durable != "" {
		p.line("durable", "%s counted before this run; what was done is kept in %s", plural(r.Progress.Before, "file"), durable)
	}
	p.line("crashes", "%s crashed, %d restarted; %s handed out again, %s came twice and dropped%s",
		plural(s.Crashes, "worker"), s.Restarts, plural(s.Reissued, "file"), plural(s.Repeats, "result"),
		optional(s.Renewals, "; the crew started anew %d times"))
	p.files("unreadable", t, r, wordindex.Unreadable)
	p.files("given up", t, r, wordindex.GivenUp)
}

// files lists the files of a kind, with the reason.
func (p page) files(heading string, t *wordindex.Tree, r *crew.Result, kind wordindex.Kind) {
	n := 0
	for i := range r.Records {
		if r.Records[i].Kind != kind {
			continue
		}
		if n++; n <= maxListed {
			p.line(heading, "%s: %v", t.Files[i], r.Records[i].Err)
		}
	}
	if n > maxListed {
		p.line("", "and %s", plural(n-maxListed, "more file"))
	}
}

func (p page) top(top []wordindex.Count) {
	if len(top) == 0 {
		return
	}
	widest := len(slices.MaxFunc(top, func(a, b wordindex.Count) int { return cmp.Compare(len(a.Word), len(b.Word)) }).Word)
	digits := len(group(top[0].N))
	for i, c := range top {
		heading := ""
		if i == 0 {
			heading = "top words"
		}
		p.line(heading, "%-*s  %*s", widest, c.Word, digits, group(c.N))
	}
}

// verdict prints whether the counts agree. It returns an error if the count of
// the crew is not what it should be.
func (p page) verdict(t *wordindex.Tree, r *crew.Result, v *wordindex.Verdict, took pace) error {
	fmt.Fprintln(p)
	p.line("proof", "a plain count, one file after the other: %v", took)
	changed, lost := 0, 0
	for _, i := range v.Aside {
		if r.Records[i].Kind == wordindex.GivenUp {
			lost++
		} else if changed++; changed <= maxListed {
			p.line("changed", "%s: between the two counts; set aside", t.Files[i])
		}
	}
	if changed > maxListed {
		p.line("", "and %s", plural(changed-maxListed, "more file"))
	}
	p.faults(t, v)
	switch {
	case !v.Agree():
		return errors.New("the counts differ")
	case lost > 0:
		return fmt.Errorf("%s given up, for workers died of it; all others are counted once", plural(lost, "file"))
	case changed > 0:
		p.line("", "the counts agree but for the files that changed: nothing lost, nothing counted twice")
	default:
		p.line("", "the counts agree in every word: nothing lost, nothing counted twice")
	}
	return nil
}

// faults prints where the counts differ.
func (p page) faults(t *wordindex.Tree, v *wordindex.Verdict) {
	for _, i := range v.Files[:min(len(v.Files), maxListed)] {
		p.line("differs", "%s: same content, other words", t.Files[i])
	}
	for _, w := range v.Words[:min(len(v.Words), maxListed)] {
		p.line("differs", "%s: %s by the crew, %s by the plain count", w.Word, group(w.Crew), group(w.Plain))
	}
	if n := max(len(v.Files)-maxListed, 0) + max(len(v.Words)-maxListed, 0); n > 0 {
		p.line("", "and %s more", group(n))
	}
	if v.Unexplained {
		p.line("differs", "the totals differ by more than the files that changed")
	}
}

// A pace is how fast some files were read.
type pace struct {
	files   int
	bytes   int64
	elapsed time.Duration
}

// String returns the pace as a person wants it.
func (p pace) String() string {
	seconds := max(p.elapsed.Seconds(), 1e-9)
	precision := time.Millisecond
	if p.elapsed < 10*precision {
		precision = 10 * time.Microsecond
	}
	return fmt.Sprintf("%s in %v, %s files/s, %.1f MB/s", size(p.bytes),
		p.elapsed.Round(precision), group(int(float64(p.files)/seconds)), float64(p.bytes)/1e6/seconds)
}

// size returns a number of bytes as text.
func size(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	}
}

// group returns a number that is not negative with its digits in groups of
// three.
func group[N int | uint64](n N) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// plural returns a number with the name of what was counted.
func plural(n int, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "y"):
		what = strings.TrimSuffix(what, "y") + "ies"
	case strings.HasSuffix(what, "sh"), strings.HasSuffix(what, "ss"):
		what += "es"
	default:
		what += "s"
	}
	return group(n) + " " + what
}

// optional returns the text with n in it, or nothing if n is 0.
func optional(n int, format string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}
