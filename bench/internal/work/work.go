// Package work is what every peer is asked to do, and how it is checked and
// measured. A peer is a program that calls Main.
package work

import "fmt"

// Work is one kind of work that every peer does.
type Work struct {
	Name    string
	Title   string
	Unit    string
	About   string
	Count   int
	Repeats int // at most so many repetitions; 0 means as many as asked for
	Memory  bool
	// Paced works never have more than a message on the way, so their count
	// changes neither speed nor memory. Theirs is the count of a first run, from
	// whose speed the counts of the others are chosen: fast and slow peers then
	// take equally long.
	Paced bool
}

// All are the works in the order of the report. The counts let a cell take
// between a third of a second and two seconds on a small machine.
var All = []Work{
	{Name: "one-to-one", Title: "One sender to one receiver", Unit: "messages", Count: 8_000_000,
		About: "one process sends numbers to another as fast as it can"},
	{Name: "eight-to-one", Title: "Eight senders to one receiver", Unit: "messages", Count: 6_000_000,
		About: "eight processes send to the same receiver"},
	{Name: "eight-pairs", Title: "Eight pairs", Unit: "messages", Count: 12_000_000,
		About: "eight senders, each with a receiver of its own"},
	{Name: "ping-pong", Title: "Ping-pong", Unit: "round trips", Count: 40_000, Paced: true,
		About: "two processes return one message to each other"},
	{Name: "ping-pong-6k", Title: "Ping-pong with a deep stack", Unit: "round trips", Count: 40_000, Paced: true,
		About: "ping-pong whose receivers use 6 KB of stack for every message"},
	{Name: "ask", Title: "Ask in sequence", Unit: "requests", Count: 40_000, Paced: true,
		About: "one client sends a request and waits for its answer before the next"},
	{Name: "ask-timeout", Title: "Ask in sequence, each with a time-out", Unit: "requests", Count: 40_000, Paced: true,
		About: "the same, with a time-out of ten seconds or so on every request, which most libraries demand anyway"},
	{Name: "spawn-stop", Title: "Spawn and stop", Unit: "processes", Count: 100_000,
		About: "all processes are spawned, then all are stopped and awaited"},
	{Name: "ring", Title: "A ring of 10,000", Unit: "hops", Count: 40_000, Paced: true,
		About: "one token goes round a ring of 10,000 processes"},
	{Name: "idle", Title: "A million idle processes", Unit: "processes", Count: 1_000_000, Repeats: 1,
		About: "bytes each process keeps resident, before and after its first message", Memory: true},
}

// AtMost is how often the work is repeated when n repetitions are asked for.
func (w Work) AtMost(n int) int {
	if w.Repeats == 0 {
		return n
	}
	return min(n, w.Repeats)
}

const (
	RingSize   = 10_000
	ChannelCap = 1024 // the buffer of the plain channels
)

// Number is the message of all works. Libraries whose messages are of type
// any get it in the form their own examples use: boxed, or behind a pointer.
type Number struct{ N int }

// Start tells a sender to begin.
type Start struct{}

// Tally checks that a receiver got what was sent: so many messages, whose
// numbers add up. The padding keeps two receivers off one cache line.
type Tally struct {
	count, sum         int
	wantCount, wantSum int
	done               chan error
	_                  [64]byte
}

// newTally is for a receiver with so many senders, each of which sends the
// numbers from 0 up to but not including each.
func newTally(senders, each int) *Tally {
	return &Tally{
		wantCount: senders * each,
		wantSum:   senders * each * (each - 1) / 2,
		done:      make(chan error, 1),
	}
}

// Add counts one message and ends the wait when it was the last one.
func (t *Tally) Add(n int) {
	t.count++
	t.sum += n
	if t.count == t.wantCount {
		t.finish()
	}
}

func (t *Tally) finish() {
	if t.sum != t.wantSum {
		t.done <- fmt.Errorf("the numbers received add up to %d, not %d", t.sum, t.wantSum)
		return
	}
	t.done <- nil
}

// NewTallies shares n messages out among the senders, and the senders among
// the receivers.
func NewTallies(n, senders, receivers int) (each int, tallies []*Tally) {
	each = max(n/senders, 1)
	for range receivers {
		tallies = append(tallies, newTally(senders/receivers, each))
	}
	return each, tallies
}

// Await waits for all receivers.
func Await(tallies []*Tally) error {
	for _, t := range tallies {
		if err := <-t.done; err != nil {
			return err
		}
	}
	return nil
}

// Rally is the two sides' shared account of a ping-pong. Only one side has
// the ball at a time, so the fields need no lock.
type Rally struct {
	trips       int
	deep        bool
	pings, pong int
	Done        chan error
}

// NewRally is for so many round trips.
func NewRally(n int, deepStack bool) *Rally {
	return &Rally{trips: n, deep: deepStack, Done: make(chan error, 1)}
}

// Returned is called by the ping side for each ball that comes back with the
// number it was served with; it says whether to serve again.
func (r *Rally) Returned(n int) bool {
	if r.deep {
		useStack(stackDepth)
	}
	if n != r.pings {
		r.Done <- fmt.Errorf("ball %d came back as %d", r.pings, n)
		return false
	}
	r.pings++
	if r.pings < r.trips {
		return true
	}
	if r.pong != r.trips {
		r.Done <- fmt.Errorf("pong saw %d balls, not %d", r.pong, r.trips)
		return false
	}
	r.Done <- nil
	return false
}

// Hit is called by the pong side for each ball.
func (r *Rally) Hit() {
	if r.deep {
		useStack(stackDepth)
	}
	r.pong++
}

// stackDepth calls of useStack take a little more than 6 KB.
const stackDepth = 12

// useStack makes the goroutine that runs it need a deeper stack than the
// runtime gives a new one, as real handlers do that format, encode or log.
//
//go:noinline
func useStack(depth int) int {
	var frame [480]byte
	frame[depth] = byte(depth)
	if depth == 0 {
		return int(frame[0])
	}
	return useStack(depth-1) + int(frame[depth])
}

// CheckRing says whether the token's last hop was due at the node it ended at.
func CheckRing(node, hops int) error {
	if want := hops % RingSize; node != want {
		return fmt.Errorf("the token ended at node %d, not %d", node, want)
	}
	return nil
}

// CheckAnswer says whether an answer is the one to its request.
func CheckAnswer(request, answer int) error {
	if answer != request+1 {
		return fmt.Errorf("request %d got the answer %d", request, answer)
	}
	return nil
}
