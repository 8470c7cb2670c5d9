package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe/bench/internal/work"
)

// The test binary stands in for a peer's program: the variable says how that
// program behaves.
const behaviour = "BENCH_TEST_PEER"

func TestMain(m *testing.M) {
	switch os.Getenv(behaviour) {
	case "":
		os.Exit(m.Run())
	case "hang":
		time.Sleep(time.Hour)
	case "panic":
		panic("the peer's own fault")
	case "garbage":
		fmt.Println("good morning")
	case "work":
		work.Main(work.Peer{Name: "stand-in", Works: map[string]work.Func{
			"sum": func(m *work.Meter, n int) error {
				m.Begin()
				time.Sleep(time.Millisecond)
				m.End()
				return nil
			},
		}})
	}
}

func standIn(t *testing.T, how string) *cell {
	t.Helper()
	t.Setenv(behaviour, how)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &cell{
		peer:  &peer{Description: work.Description{Name: "stand-in"}, program: program},
		work:  work.Work{Name: "sum", Unit: "sums", Count: 100, Paced: true},
		count: 8,
	}
}

func TestCellOfAGoodPeer(t *testing.T) {
	c := standIn(t, "work")
	r, ran := c.repeat(time.Minute)
	if !ran || r.Failure != "" || r.Count != 8 || r.Seconds == 0 || r.CPU == 0 {
		t.Fatalf("ran: %v, result: %+v", ran, r)
	}
}

func TestCellOfABadPeer(t *testing.T) {
	for how, want := range map[string]string{
		"panic":   "panic: the peer's own fault",
		"garbage": "no output",
	} {
		t.Run(how, func(t *testing.T) {
			c := standIn(t, how)
			if r, _ := c.repeat(time.Minute); !strings.Contains(r.Failure, want) {
				t.Fatalf("the failure is %q, want %q", r.Failure, want)
			}
		})
	}
}

func TestCellThatHangsIsNotRepeated(t *testing.T) {
	c := standIn(t, "hang")
	if r, _ := c.repeat(50 * time.Millisecond); !strings.Contains(r.Failure, "no end of 8 sums after 50ms") {
		t.Fatalf("the failure is %q", r.Failure)
	}
	if _, ran := c.repeat(time.Minute); ran {
		t.Fatal("it was repeated")
	}
	if len(c.results) != 1 {
		t.Fatalf("%d results are kept, want the failed one", len(c.results))
	}
}

func TestPreparePacesTheCount(t *testing.T) {
	c := standIn(t, "work")
	o := options{scale: 1, timeout: time.Minute}
	cells := prepare(o, c.work, []*peer{c.peer, {broken: "does not build"}})
	if len(cells) != 1 {
		t.Fatalf("%d cells, want the one that was built", len(cells))
	}
	// The stand-in takes a little more than a millisecond for its 96 units.
	if got := cells[0].count; got < 1000 || got > 96*800 || got%8 != 0 {
		t.Errorf("the count is %d", got)
	}
}

func TestPrepareKeepsAFailedFirstRun(t *testing.T) {
	c := standIn(t, "panic")
	cells := prepare(options{scale: 1, timeout: time.Minute}, c.work, []*peer{c.peer})
	if len(cells[0].results) != 1 {
		t.Fatal("the failure of the first run is lost")
	}
}

func TestPrepareHeedsTheMost(t *testing.T) {
	c := standIn(t, "work")
	c.peer.Most = map[string]int{"sum": 16}
	c.work.Paced = false
	cells := prepare(options{scale: 1}, c.work, []*peer{c.peer})
	if cells[0].count != 16 {
		t.Errorf("the count is %d, want 16", cells[0].count)
	}
}

func TestExplain(t *testing.T) {
	err := errors.New("exit status 1")
	for output, want := range map[string]string{
		"# some/package\n./x.go:1: broken\nmore\n": "./x.go:1: broken",
		"":   "exit status 1",
		"\n": "exit status 1",
	} {
		if got := explain(err, output); got != want {
			t.Errorf("%q becomes %q, want %q", output, got, want)
		}
	}
}

func TestPick(t *testing.T) {
	known := []string{"a", "b", "c"}
	if got, _ := pick("x", "c,a", known); strings.Join(got, "") != "ac" {
		t.Errorf("got %v", got)
	}
	if got, _ := pick("x", "", known); len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if _, err := pick("x", "a,d", known); err == nil || !strings.Contains(err.Error(), `"d"`) {
		t.Errorf("the error is %v", err)
	}
}

// TestPeers builds the peers that need no module from elsewhere than this
// one's requirements, and lets each do every work on a small scale.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
	for _, name := range []string{"channel", "hollywood", "protoactor", "troupe-handler", "troupe-direct"} {
		t.Run(name, func(t *testing.T) {
			p := build(t.TempDir(), name)
			if p.broken != "" {
				t.Fatal(p.broken)
			}
			for _, w := range work.All {
				c := &cell{peer: p, work: w}
				if r := c.run(800, time.Minute); r.Failure != "" {
					t.Errorf("%s: %s", w.Name, r.Failure)
				}
			}
		})
	}
}
