package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/troupe-go/troupe/bench/internal/work"
)

// pace is how long a cell of a paced work is to take, in seconds.
const pace = 0.8

// cell is one peer doing one work, and what came of it.
type cell struct {
	peer     *peer
	work     work.Work
	count    int
	capped   bool // the peer gets fewer units than the others
	results  []work.Result
	hopeless bool // it hung, or its first run failed
}

// prepare makes the cells of a work for all peers that could be built, and
// finds the counts of a paced one by a first run that is not reported.
func prepare(o options, w work.Work, peers []*peer) []*cell {
	var cells []*cell
	for _, p := range peers {
		if p.broken != "" {
			continue
		}
		c := &cell{peer: p, work: w, count: round(float64(w.Count) * o.scale)}
		if most := p.Most[w.Name]; most > 0 {
			c.capped = c.count > most
			c.count = min(c.count, most)
		}
		if w.Paced {
			first := c.run(round(float64(w.Count)*min(o.scale, 1)), o.timeout)
			if first.Failure != "" {
				c.results, c.hopeless = []work.Result{first}, true
			} else {
				c.count = round(first.Rate() * pace * o.scale)
			}
		}
		cells = append(cells, c)
	}
	return cells
}

// round makes a count that eight senders can share evenly.
func round(count float64) int { return max(int(count)/8, 1) * 8 }

// repeat runs the cell once more, unless that is hopeless: what hangs once would
// only waste everybody's time again.
func (c *cell) repeat(timeout time.Duration) (r work.Result, ran bool) {
	if c.hopeless {
		return r, false
	}
	r = c.run(c.count, timeout)
	c.results = append(c.results, r)
	return r, true
}

// run starts the peer's program for n units of the work and waits for the
// result. Whatever goes wrong there, a hang included, is the result's failure.
func (c *cell) run(n int, timeout time.Duration) work.Result {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.peer.program, "-work", c.work.Name, "-count", strconv.Itoa(n))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		c.hopeless = true
		return work.Result{Failure: fmt.Sprintf("no end of %d %s after %v", n, c.work.Unit, timeout)}
	}
	var r work.Result
	if json.Unmarshal(stdout.Bytes(), &r) != nil {
		return work.Result{Failure: explain(err, stderr.String())}
	}
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r
}
