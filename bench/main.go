// Command bench gives the same work to plain goroutines with channels, to
// other actor libraries for Go and to Troupe, and prints what each of them
// took for it. It is run in this directory, as a module outside of the
// workspace (GOWORK=off):
//
//	go run .                                  # everything
//	go run . -work ping-pong,ring -n 1        # two works, once
//	go run . -peers channel,hollywood         # two peers
//	go run . -o ../docs/benchmarks.md         # write the report, too
//
// Every peer is a program of its own under peers/, and every cell, which is
// one peer doing one work once, a process of its own: no library inherits
// another one's heap or threads, and peak memory means what it says. The
// cells of a work take turns over the peers and are repeated; the tables show
// medians. What fails, hangs or does not build is reported, not left out.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-go/troupe/bench/internal/work"
)

// options is what the command line says.
type options struct {
	works   []work.Work
	peers   []string
	strict  bool // the peers were asked for by name, so each has to build
	repeats int
	scale   float64
	timeout time.Duration
	output  string
}

func main() {
	var (
		works   = flag.String("work", "", "comma-separated works to do (default all; see -list)")
		peers   = flag.String("peers", "", "comma-separated peers to measure (default all; see -list)")
		repeats = flag.Int("n", 5, "repetitions of every cell")
		scale   = flag.Float64("scale", 1, "multiplies the count of every work")
		timeout = flag.Duration("timeout", 90*time.Second, "a cell that takes longer is stopped and reported as failed")
		output  = flag.String("o", "", "also write the report to this file")
		list    = flag.Bool("list", false, "list works and peers, then exit")
	)
	flag.Parse()
	if *list {
		printList()
		return
	}
	o := options{repeats: max(*repeats, 1), scale: *scale, timeout: *timeout, output: *output}
	err := o.choose(*works, *peers)
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// choose fills in the works and peers that the comma-separated names ask for.
func (o *options) choose(works, peers string) error {
	var known []string
	for _, w := range work.All {
		known = append(known, w.Name)
	}
	chosen, err := pick("work", works, known)
	if err != nil {
		return err
	}
	for _, w := range work.All {
		if slices.Contains(chosen, w.Name) {
			o.works = append(o.works, w)
		}
	}
	o.peers, err = pick("peer", peers, peerNames)
	o.strict = peers != ""
	return err
}

// pick returns those known names that the comma-separated list has, in the
// known order; an empty list means all.
func pick(kind, list string, known []string) ([]string, error) {
	asked := strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	if len(asked) == 0 {
		return known, nil
	}
	for _, name := range asked {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no %s is called %q; -list shows them", kind, name)
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool {
		return !slices.Contains(asked, name)
	}), nil
}

func printList() {
	fmt.Println("works:")
	for _, w := range work.All {
		count := strconv.Itoa(w.Count)
		if w.Paced {
			count = "paced"
		}
		fmt.Printf("  %-14s %9s %-12s %s\n", w.Name, count, w.Unit, w.About)
	}
	fmt.Println("peers:")
	for _, name := range peerNames {
		fmt.Println("  " + name)
	}
}

// run builds the peers, measures all cells and prints the report.
func run(o options) error {
	dir, err := os.MkdirTemp("", "troupe-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var peers []*peer
	for _, name := range o.peers {
		fmt.Fprintln(os.Stderr, "building", name)
		p := build(dir, name)
		peers = append(peers, p)
		if p.broken == "" {
			continue
		}
		if o.strict {
			return fmt.Errorf("%s %s", name, p.broken)
		}
		fmt.Fprintln(os.Stderr, name, p.broken)
	}
	rows, failed := measure(o, peers)
	text := report(o, peers, rows)
	fmt.Print(text)
	if o.output != "" {
		if err := os.WriteFile(o.output, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d cells failed; the report says which", failed)
	}
	return nil
}

// measure runs all cells, and says how many of them failed.
func measure(o options, peers []*peer) (rows []row, failed int) {
	for _, w := range o.works {
		cells := prepare(o, w, peers)
		for rep := range w.AtMost(o.repeats) {
			for _, c := range cells {
				if r, ran := c.repeat(o.timeout); ran {
					fmt.Fprintf(os.Stderr, "%s %d: %-16s %s\n", w.Name, rep+1, c.peer.Name, r.Brief())
				}
			}
		}
		for _, c := range cells {
			r := summarize(w, c.peer, c.results)
			r.capped = c.capped
			failed += len(r.failures)
			rows = append(rows, r)
		}
	}
	return rows, failed
}
