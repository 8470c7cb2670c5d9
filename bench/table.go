package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/troupe-go/troupe/bench/internal/work"
)

// row is what the repetitions of one work by one peer came to.
type row struct {
	work     work.Work
	peer     *peer
	runs     int
	count    int  // units in each run
	capped   bool // fewer than the other peers had to do
	failures []string

	rate, slowest, fastest float64 // units a second
	cpu                    float64 // nanoseconds of CPU a unit, all told
	mallocs, bytes         float64 // a unit
	peak                   float64 // bytes
	resident, heap, stack  float64 // bytes a process, idle
	touched                float64 // bytes a process, after its first message
	ofPlain, ofBest        float64 // this row over the channel, over the best library; 0 is none
}

func (r row) ok() bool { return r.runs > 0 }

// summarize takes the medians of the repetitions that did not fail.
func summarize(w work.Work, p *peer, results []work.Result) row {
	r := row{work: w, peer: p}
	var good []work.Result
	for _, res := range results {
		if res.Failure != "" {
			r.failures = append(r.failures, res.Failure)
			continue
		}
		good = append(good, res)
	}
	r.runs = len(good)
	if len(good) == 0 {
		return r
	}
	of := func(figure func(work.Result) float64) []float64 {
		var all []float64
		for _, res := range good {
			all = append(all, figure(res))
		}
		slices.Sort(all)
		return all
	}
	r.count = good[0].Count
	rates := of(work.Result.Rate)
	r.rate, r.slowest, r.fastest = median(rates), rates[0], rates[len(rates)-1]
	r.cpu = median(of(func(x work.Result) float64 { return float64(x.CPU.Nanoseconds()) / float64(x.Count) }))
	r.mallocs = median(of(func(x work.Result) float64 { return float64(x.Mallocs) / float64(x.Count) }))
	r.bytes = median(of(func(x work.Result) float64 { return float64(x.Bytes) / float64(x.Count) }))
	r.peak = median(of(func(x work.Result) float64 { return float64(x.Peak) }))
	r.resident = median(of(func(x work.Result) float64 { return x.Idle.Resident }))
	r.heap = median(of(func(x work.Result) float64 { return x.Idle.Heap }))
	r.stack = median(of(func(x work.Result) float64 { return x.Idle.Stack }))
	r.touched = median(of(func(x work.Result) float64 { return x.Touched.Resident }))
	return r
}

// median is the middle of sorted figures.
func median(sorted []float64) float64 {
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// compare fills in the ratios of the rows of one work: to the plain channel,
// and to the best of the other libraries, which is the fastest one or, where
// memory is what counts, the smallest.
func compare(rows []row) {
	figure := func(r row) float64 { return r.rate }
	better := func(a, b float64) bool { return a > b }
	if len(rows) > 0 && rows[0].work.Memory {
		figure = func(r row) float64 { return r.resident }
		better = func(a, b float64) bool { return a < b }
	}
	var plain, best float64
	for _, r := range rows {
		switch {
		case !r.ok():
		case r.peer.Plain:
			plain = figure(r)
		case !r.peer.Ours && (best == 0 || better(figure(r), best)):
			best = figure(r)
		}
	}
	for i := range rows {
		if rows[i].ok() && plain > 0 {
			rows[i].ofPlain = figure(rows[i]) / plain
		}
		if rows[i].ok() && best > 0 {
			rows[i].ofBest = figure(rows[i]) / best
		}
	}
}

// tables writes one table for each work, with the ratios filled in.
func tables(works []work.Work, rows []row) string {
	var b strings.Builder
	for _, w := range works {
		var mine []row
		for _, r := range rows {
			if r.work.Name == w.Name && (r.ok() || len(r.failures) > 0) {
				mine = append(mine, r)
			}
		}
		compare(mine)
		fmt.Fprintf(&b, "## %s\n\n%s.\n\n", w.Title, sentence(w.About))
		if w.Memory {
			memoryTable(&b, mine)
		} else {
			rateTable(&b, mine)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func rateTable(b *strings.Builder, rows []row) {
	b.WriteString("| | million/s | slowest – fastest | × channel | × best peer | CPU ns | allocs | bytes | peak MB |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		if !r.ok() {
			fmt.Fprintf(b, "| %s | %s ||||||||\n", r.peer.Name, failure(r))
			continue
		}
		fmt.Fprintf(b, "| %s%s | %s | %s – %s | %s | %s | %.0f | %s | %.0f | %s |\n",
			label(r), failure(r), millions(r.rate), millions(r.slowest), millions(r.fastest),
			ratio(r.ofPlain), ratio(r.ofBest), r.cpu, fraction(r.mallocs), r.bytes, megabytes(r.peak))
	}
}

func memoryTable(b *strings.Builder, rows []row) {
	b.WriteString("| | bytes resident | × channel | × best peer | of it heap | of it stack " +
		"| after first message | spawned, million/s | peak MB |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		if !r.ok() {
			fmt.Fprintf(b, "| %s | %s ||||||||\n", r.peer.Name, failure(r))
			continue
		}
		fmt.Fprintf(b, "| %s%s | %.0f | %s | %s | %.0f | %.0f | %.0f | %s | %s |\n",
			label(r), failure(r), r.resident, ratio(r.ofPlain), ratio(r.ofBest),
			r.heap, r.stack, r.touched, millions(r.rate), megabytes(r.peak))
	}
}

// label names the peer, and says if it was let off with less work.
func label(r row) string {
	if r.capped {
		return fmt.Sprintf("%s (only %d %s)", r.peer.Name, r.count, r.work.Unit)
	}
	return r.peer.Name
}

// failure names what went wrong, so that a cell that failed is never just
// missing.
func failure(r row) string {
	switch {
	case len(r.failures) == 0:
		return ""
	case !r.ok():
		return "failed: " + strings.ReplaceAll(r.failures[0], "|", "/")
	}
	return fmt.Sprintf(" (%d of %d failed: %s)", len(r.failures), len(r.failures)+r.runs,
		strings.ReplaceAll(r.failures[0], "|", "/"))
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func millions(perSecond float64) string {
	switch m := perSecond / 1e6; {
	case m >= 10:
		return fmt.Sprintf("%.1f", m)
	case m >= 1:
		return fmt.Sprintf("%.2f", m)
	default:
		return fmt.Sprintf("%.3f", m)
	}
}

func ratio(r float64) string {
	if r == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", r)
}

func fraction(f float64) string {
	if f < 0.005 {
		return "0"
	}
	return fmt.Sprintf("%.2f", f)
}

func megabytes(bytes float64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", bytes/(1<<20))
}
