package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds")
	only := flag.String("only", "", "only rows whose name or peer contains this")
	mails := flag.Int("mails", 2000, "mails in a round with one writer; with 64 it is ten times as many")
	output := flag.String("o", "", "also write the table to this file")
	flag.Parse()
	text, err := run(*rounds, *mails, *only)
	fmt.Print(text)
	if *output != "" {
		if werr := os.WriteFile(*output, []byte(text), 0o644); err == nil {
			err = werr
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mail:", err)
		os.Exit(1)
	}
}

// run measures and returns the document.
func run(rounds, mails int, only string) (string, error) {
	var some []*row
	for _, r := range rows() {
		if strings.Contains(strings.ToLower(r.what+" "+r.theirs), strings.ToLower(only)) {
			some = append(some, r)
		}
	}
	for round := range rounds {
		for _, r := range some {
			n := mails
			if r.writers > 1 {
				n *= 10
			}
			r.measure(n, round%2 == 1)
			if len(r.ratios) > 0 {
				fmt.Fprintf(os.Stderr, "%d %s %s %d: %.2f\n", round+1, r.what, r.theirs, r.writers, r.ratios[len(r.ratios)-1])
			}
		}
	}
	var err error
	for _, r := range some {
		if r.err != nil {
			err = fmt.Errorf("%s and %s with %d writers: %w", r.what, r.theirs, r.writers, r.err)
		}
	}
	head := fmt.Sprintf(`# Mail, measured

Made by bench/mail with %s on %d processors, %d rounds. A sender puts a message of 100
bytes and waits until it is safe on the disk; a reader handles and acknowledges it. All
write to the disk before they answer: bbolt as it is, Redis with appendfsync always,
JetStream with sync_interval always. The figures are medians, and the ratio is the median
of the ratios of each round.

`, runtime.Version(), runtime.NumCPU(), rounds)
	return head + table(some), err
}
