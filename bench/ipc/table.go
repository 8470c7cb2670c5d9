package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

const introduction = `# Benchmarks of processes and what they share

Written by the program in ` + "`bench/ipc`" + `:
` + "`cd bench/ipc && GOWORK=off go run . -o ../../docs/benchmarks-ipc.md`" + `.

Packages osproc, ipc and osproc/isolate beside Python's multiprocessing, hashicorp/go-plugin and
what the system itself offers, on one machine in one run. All is measured in rounds; in each,
a row measures both sides, taking turns in who comes first. A figure is the median over the
rounds, × the median of the ratios of each round: how many times better Troupe is, 3 being three
times as many a second or a third of the time. Every result and every message is checked. Where a
row measures several times in a round, its figure is the median of that.
`

// document is the table with all that belongs to it.
func document(rows []*row, rounds int) string {
	var b strings.Builder
	b.WriteString(introduction)
	fmt.Fprintf(&b, "\n- %s/%s, %s, %d processors, %s\n- %s\n- %d rounds, %s\n",
		runtime.GOOS, runtime.GOARCH, processor(), runtime.NumCPU(), runtime.Version(), pythonVersion(), rounds, time.Now().UTC().Format("2 January 2006"))
	if short {
		b.WriteString("- in short mode: the figures mean nothing\n")
	}
	b.WriteString("\n" + table(rows))
	return b.String()
}

// table is all rows in Markdown.
func table(rows []*row) string {
	var b strings.Builder
	b.WriteString("| | Troupe | beside | | × | slowest – fastest × | aim | |\n|---|--:|---|--:|--:|--:|--:|---|\n")
	for _, r := range rows {
		b.WriteString("| " + strings.Join(r.cells(), " | ") + " |\n")
	}
	return b.String()
}

// cells are the row's, from left to right.
func (r *row) cells() []string {
	if r.failure != nil {
		return []string{r.what, "failed", strings.ReplaceAll(r.failure.Error(), "|", "/"), "", "", "", r.aim(), "**failed**"}
	}
	c := []string{r.what, r.unit.format(median(r.own)), r.peer, "", "", "", r.aim(), r.verdict()}
	switch {
	case r.missing != "":
		c[2] += ": " + r.missing
	case len(r.ratios) > 0:
		c[3] = r.unit.format(median(r.other))
		c[4] = fmt.Sprintf("%.2f", median(r.ratios))
		c[5] = fmt.Sprintf("%.2f – %.2f", slices.Min(r.ratios), slices.Max(r.ratios))
	}
	return c
}

// aim is what is to be reached.
func (r *row) aim() string {
	switch {
	case r.limit > 0 && r.unit == seconds:
		return "≤ " + r.unit.format(r.limit)
	case r.limit > 0:
		return "≥ " + r.unit.format(r.limit)
	case r.target > 0:
		return fmt.Sprintf("≥ %g ×", r.target)
	}
	return ""
}

// verdict says whether it is reached.
func (r *row) verdict() string {
	var met bool
	switch {
	case r.limit > 0 && r.unit == seconds:
		met = median(r.own) <= r.limit
	case r.limit > 0:
		met = median(r.own) >= r.limit
	case r.target == 0 || len(r.ratios) == 0:
		return ""
	default:
		met = median(r.ratios) >= r.target
	}
	if met {
		return "met"
	}
	return "**missed**"
}

// processor is the name of the processor, where the system tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "some processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "some processor"
}

func pythonVersion() string {
	out, err := exec.Command("python3", "--version").Output()
	if err != nil {
		return "python3 is not on this machine: its rows are empty"
	}
	return strings.TrimSpace(string(out))
}
