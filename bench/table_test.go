package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe/bench/internal/work"
)

func named(name string) *peer {
	return &peer{Description: work.Description{
		Name: name, Plain: name == "channel", Ours: strings.HasPrefix(name, "troupe"),
	}}
}

// took is a result of so many million units a second.
func took(rate float64) work.Result {
	return work.Result{Count: 1000, Seconds: 1000 / rate / 1e6, Mallocs: 2000, Peak: 5 << 20, CPU: time.Millisecond}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{1, 3}, 2}, {[]float64{1, 2, 9}, 2},
	} {
		if got := median(c.figures); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.figures, got, c.want)
		}
	}
}

func TestSummarizeLeavesFailuresOutOfTheMedian(t *testing.T) {
	failed := work.Result{Failure: "lost a message"}
	r := summarize(work.Work{}, named("x"), []work.Result{took(3), failed, took(1), took(2)})
	if millions(r.rate) != "2.00" || millions(r.slowest) != "1.00" || millions(r.fastest) != "3.00" {
		t.Errorf("median %v, slowest %v, fastest %v", r.rate, r.slowest, r.fastest)
	}
	if r.mallocs != 2 || r.cpu != 1000 {
		t.Errorf("%v allocations and %v ns a unit, want 2 and 1000", r.mallocs, r.cpu)
	}
	if !slices.Equal(r.failures, []string{"lost a message"}) {
		t.Errorf("failures: %q", r.failures)
	}
}

func TestCompareTakesTheFastest(t *testing.T) {
	rows := []row{
		summarize(work.Work{}, named("channel"), []work.Result{took(10)}),
		summarize(work.Work{}, named("a"), []work.Result{took(4)}),
		summarize(work.Work{}, named("b"), []work.Result{took(5)}),
		summarize(work.Work{}, named("troupe"), []work.Result{took(20)}),
		summarize(work.Work{}, named("broken"), []work.Result{{Failure: "x"}}),
	}
	compare(rows)
	for i, want := range []string{"1.00 2.00", "0.40 0.80", "0.50 1.00", "2.00 4.00", "– –"} {
		if got := ratio(rows[i].ofPlain) + " " + ratio(rows[i].ofBest); got != want {
			t.Errorf("%s: %s, want %s", rows[i].peer.Name, got, want)
		}
	}
}

func TestCompareTakesTheSmallestForMemory(t *testing.T) {
	memory := func(bytes float64) []work.Result {
		return []work.Result{{Count: 1, Seconds: 1, Idle: work.Memory{Resident: bytes}}}
	}
	w := work.Work{Memory: true}
	rows := []row{
		summarize(w, named("a"), memory(1000)),
		summarize(w, named("b"), memory(500)),
		summarize(w, named("troupe"), memory(250)),
	}
	compare(rows)
	if got := rows[2].ofBest; got != 0.5 {
		t.Errorf("250 bytes are %v of the best peer's 500", got)
	}
}

func TestTablesNameEveryFailure(t *testing.T) {
	w := work.Work{Name: "w", Title: "Title", About: "about"}
	text := tables([]work.Work{w}, []row{
		summarize(w, named("channel"), []work.Result{took(1)}),
		summarize(w, named("dead"), []work.Result{{Failure: "no end|after 1s"}}),
		summarize(w, named("shaky"), []work.Result{took(1), {Failure: "lost"}}),
	})
	for _, want := range []string{
		"## Title\n\nAbout.\n", "| dead | failed: no end/after 1s ||||||||\n", "| shaky (1 of 2 failed: lost) | 1.00 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	columns := -1
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if n := strings.Count(line, "|"); columns >= 0 && n != columns {
			t.Errorf("%d bars, not %d, in %q", n, columns, line)
		} else {
			columns = n
		}
	}
}

func TestReportNamesWhoIsNotMeasured(t *testing.T) {
	gone := named("gone")
	gone.broken = "does not build: no such module"
	present := named("present")
	present.version, present.SetUp = "v1.2.3", "set up well"
	text := report(options{repeats: 5, scale: 1}, []*peer{gone, present}, nil)
	for _, want := range []string{
		"- **gone**: not measured; it does not build: no such module.\n",
		"- **present** (v1.2.3): set up well.\n",
		"5 times each (memory, which hardly varies, once)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		millions(12_345_678): "12.3", millions(1_234_567): "1.23", millions(123_456): "0.123",
		fraction(0.001): "0", fraction(0.05): "0.05", megabytes(0): "–", megabytes(3 << 20): "3",
		ratio(0): "–",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
