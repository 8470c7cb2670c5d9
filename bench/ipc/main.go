package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/troupe-go/troupe/osproc"
)

// subjects are what can be measured, in the order of the table.
var subjects = []subject{
	{"process", processRows},
	{"pool", poolRows},
	{"queue", queueRows},
	{"lock", lockRows},
	{"manager", managerRows},
	{"isolate", isolateRows},
}

// A subject makes rows, and what they need; end releases that.
type subject struct {
	name string
	rows func(ctx context.Context) (rows []*row, end func(), err error)
}

func main() {
	serve()
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, "ipc:", err)
		os.Exit(1)
	}
}

// command does what the command line says.
func command() error {
	only := flag.String("only", "", "comma-separated subjects (default all)")
	rounds := flag.Int("rounds", 5, "rounds")
	flag.BoolVar(&short, "short", false, "one round with small counts, to see whether it works: the figures mean nothing")
	output := flag.String("o", "", "also write the table to this file")
	flag.Parse()
	if short {
		*rounds = 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	text, err := run(ctx, *only, *rounds)
	if err != nil {
		return err
	}
	fmt.Print(text)
	return write(*output, text)
}

// write writes the document to a file, if it has a name.
func write(file, text string) error {
	if file == "" {
		return nil
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// serve serves, and does not return, if this process is the other side of something.
func serve() {
	osproc.Main()
	servePlugin()
	serveBare()
}

// short says that the counts are to be small.
var short bool

// few is n, or much less in short mode.
func few(n int) int {
	if short {
		return max(n/100, min(n, 3))
	}
	return n
}

// run measures the chosen subjects, all if there are none, and returns the document.
func run(ctx context.Context, only string, rounds int) (string, error) {
	chosen := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for _, c := range chosen {
		if !slices.ContainsFunc(subjects, func(s subject) bool { return s.name == c }) {
			return "", fmt.Errorf("there is no subject %q", c)
		}
	}
	var all []*row
	for _, s := range subjects {
		if len(chosen) > 0 && !slices.Contains(chosen, s.name) {
			continue
		}
		rows, end, err := s.rows(ctx)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.name, err)
		}
		for round := range rounds {
			for _, r := range rows {
				r.measure(ctx, round%2 == 1)
				fmt.Fprintf(os.Stderr, "%s, round %d: %s\n", s.name, round+1, r)
			}
			if ctx.Err() != nil {
				break
			}
		}
		end()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		all = append(all, rows...)
	}
	return document(all, rounds), nil
}
