package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A system is one that is running.
type system struct {
	// put puts one message and returns when it is safe. It is called by several
	// goroutines.
	put func(body []byte) error
	// alone is used instead of put by a single goroutine, if it is set.
	alone func(body []byte) error
	// serve handles messages until handled has been called for each of n, and
	// returns when what it acknowledged is safe.
	serve func(n int, handled func()) error
}

// A maker starts what is needed and returns what is measured.
type maker func(*place) system

// A row compares two systems.
type row struct {
	what    string
	theirs  string
	open    [2]maker // ours and theirs
	writers int
	aim     float64

	figures [2][]float64 // mails a second
	ratios  []float64
	missing string // why it cannot be measured here
	err     error
}

// rows are all of them, in the order of the table.
func rows() (all []*row) {
	for _, w := range []int{1, 64} {
		for _, r := range []row{
			{what: "bolt", theirs: "bbolt", open: [2]maker{openBolt, openRawBolt}, aim: 0.7},
			{what: "Redis", theirs: "go-redis", open: [2]maker{openRedis, openRawRedis}, aim: 0.7},
			{what: "JetStream", theirs: "nats.go", open: [2]maker{openJetStream, openRawJetStream}, aim: 0.7},
			{what: "tasks in Redis", theirs: "asynq", open: [2]maker{openRedis, openAsynq}, aim: 2},
			{what: "bolt and JetStream", theirs: "nats.go", open: [2]maker{openBolt, openRawJetStream}, aim: 5},
		} {
			if r.aim == 5 && w == 1 {
				continue
			}
			r.writers = w
			all = append(all, &r)
		}
	}
	return all
}

// measure measures both sides once, n messages each.
func (r *row) measure(n int, theirsFirst bool) {
	var rate [2]float64
	for i := range rate {
		side := i
		if theirsFirst {
			side = 1 - i
		}
		if r.err == nil && r.missing == "" {
			rate[side] = r.one(r.open[side], n)
		}
	}
	if r.err != nil || r.missing != "" {
		return
	}
	for side := range rate {
		r.figures[side] = append(r.figures[side], rate[side])
	}
	r.ratios = append(r.ratios, rate[0]/rate[1])
}

// one measures one side: mails a second.
func (r *row) one(open maker, n int) (rate float64) {
	p := &place{}
	defer func() {
		p.end()
		switch e := recover().(type) {
		case nil:
		case skipped:
			r.missing = string(e)
		case failed:
			r.err = e.error
		default:
			panic(e)
		}
	}()
	s := open(p)
	if _, err := s.run(1+n/20, r.writers); err != nil { // to warm up
		p.Fatal(err)
	}
	took, err := s.run(n, r.writers)
	if err != nil {
		p.Fatal(err)
	}
	return float64(n) / took.Seconds()
}

// run puts and handles n messages.
func (s system) run(n, writers int) (time.Duration, error) {
	put, body := s.put, make([]byte, 100)
	if writers == 1 && s.alone != nil {
		put = s.alone
	}
	begun := time.Now()
	var left, handled atomic.Int64
	left.Store(int64(n))
	errs := make(chan error, writers)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := put(body); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	served := make(chan error, 1)
	go func() { served <- s.serve(n, func() { handled.Add(1) }) }()
	select {
	case err := <-errs:
		return 0, err // and leaves the reader behind: the program ends
	case err := <-served:
		if err != nil {
			return 0, err
		}
	}
	wg.Wait()
	took := time.Since(begun)
	if handled.Load() != int64(n) {
		return 0, fmt.Errorf("handled %d of %d", handled.Load(), n)
	}
	return took, nil
}

func median(f []float64) float64 {
	f = slices.Clone(f)
	slices.Sort(f)
	return f[len(f)/2]
}

// table writes rows down.
func table(rows []*row) string {
	var b strings.Builder
	b.WriteString("| what | writers | Troupe, mails/s | theirs | mails/s | ratio | aim |\n| --- | ---: | ---: | --- | ---: | ---: | ---: |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | ", r.what, r.writers)
		switch {
		case r.err != nil:
			fmt.Fprintf(&b, "failed: %v | %s | | | ≥ %g |\n", r.err, r.theirs, r.aim)
		case r.missing != "" || len(r.ratios) == 0:
			fmt.Fprintf(&b, "not measured: %s | %s | | | ≥ %g |\n", r.missing, r.theirs, r.aim)
		default:
			fmt.Fprintf(&b, "%.0f | %s | %.0f | %.2f | ≥ %g |\n",
				median(r.figures[0]), r.theirs, median(r.figures[1]), median(r.ratios), r.aim)
		}
	}
	return b.String()
}
