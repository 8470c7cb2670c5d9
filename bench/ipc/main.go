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
}

// A subject makes rows, and what they need; end releases that.
type subject struct {
	name string
	rows func(ctx context.Context) (rows []*row, end func(), err error)
}

func main() {
	osproc.Main()
	servePlugin()
	only := flag.String("only", "", "comma-separated subjects (default all)")
	rounds := flag.Int("rounds", 5, "rounds")
	output := flag.String("o", "", "also write the table to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	text, err := run(ctx, *only, *rounds)
	fmt.Print(text)
	if err == nil && *output != "" {
		err = os.WriteFile(*output, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ipc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, rounds int) (string, error) {
	chosen := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
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
				r.measure(ctx)
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
	return table(all, rounds), nil
}
