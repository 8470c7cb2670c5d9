package work

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Peer is one library, or one way of using it, that does the works.
type Peer struct {
	Name   string
	Module string // its module path, to look up its version; empty for plain Go
	Ours   bool   // Troupe itself, which no ratio takes for a peer
	Plain  bool   // the plain channel, which the first ratio is to
	SetUp  string // how it is set up, for the report
	Works  map[string]Func
	Most   map[string]int // the most units of a work that it can do in reasonable time
}

// Func does n units of a work between m.Begin and m.End. It must check by
// itself that nothing was lost.
type Func func(m *Meter, n int) error

// Standard is the table that peers fill: Flow makes the work of some senders
// sending to some receivers, PingPong the one with and without handlers that
// need a deep stack. A library whose requests always have a time-out leaves
// AskTimeout out: Ask is both.
type Standard struct {
	Flow       func(senders, receivers int) Func
	PingPong   func(deepStack bool) Func
	Ask        Func
	AskTimeout Func
	SpawnStop  Func
	Ring       Func
	Idle       Func
}

// Table is the works by their names.
func (s Standard) Table() map[string]Func {
	if s.AskTimeout == nil {
		s.AskTimeout = s.Ask
	}
	return map[string]Func{
		"one-to-one":   s.Flow(1, 1),
		"eight-to-one": s.Flow(8, 1),
		"eight-pairs":  s.Flow(8, 8),
		"ping-pong":    s.PingPong(false),
		"ping-pong-6k": s.PingPong(true),
		"ask":          s.Ask,
		"ask-timeout":  s.AskTimeout,
		"spawn-stop":   s.SpawnStop,
		"ring":         s.Ring,
		"idle":         s.Idle,
	}
}

// Description is what a peer's program says of itself.
type Description struct {
	Name, Module, SetUp string
	Ours, Plain         bool
	Most                map[string]int
}

// Main is the main function of a peer's program. It does one work and prints
// its result, or describes the peer, both as JSON.
func Main(p Peer) {
	var (
		name     = flag.String("work", "", "the work to do")
		count    = flag.Int("count", 0, "how many units of it")
		describe = flag.Bool("describe", false, "only say who this is")
	)
	flag.Parse()
	var out any = Description{p.Name, p.Module, p.SetUp, p.Ours, p.Plain, p.Most}
	if !*describe {
		slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
		out = p.do(*name, *count)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// do does one work; its failure, if any, is part of the result.
func (p Peer) do(name string, n int) Result {
	m := &Meter{res: Result{Count: n}}
	f := p.Works[name]
	if f == nil {
		m.res.Failure = fmt.Sprintf("%s does not know the work %q", p.Name, name)
		return m.res
	}
	if err := f(m, n); err != nil {
		m.res.Failure = err.Error()
	} else if m.res.Seconds == 0 {
		m.res.Failure = "the clock was never stopped"
	}
	return m.res
}
