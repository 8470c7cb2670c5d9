package work

import (
	"strings"
	"testing"
)

func TestTallyAcceptsWhatWasSent(t *testing.T) {
	each, tallies := NewTallies(80, 8, 1)
	if each != 10 || len(tallies) != 1 {
		t.Fatalf("got %d messages each for %d receivers, want 10 for 1", each, len(tallies))
	}
	for range 8 {
		for i := range each {
			tallies[0].Add(i)
		}
	}
	if err := Await(tallies); err != nil {
		t.Fatal(err)
	}
}

func TestTallyNoticesAMessageTwice(t *testing.T) {
	each, tallies := NewTallies(10, 1, 1)
	for range each {
		tallies[0].Add(0)
	}
	if err := Await(tallies); err == nil {
		t.Fatal("ten times the number 0 passed for the numbers from 0 to 9")
	}
}

func TestTalliesShareSendersOut(t *testing.T) {
	each, tallies := NewTallies(80, 8, 8)
	if each != 10 || len(tallies) != 8 || tallies[0].wantCount != 10 {
		t.Fatalf("each %d, %d receivers, the first awaits %d", each, len(tallies), tallies[0].wantCount)
	}
}

func TestRally(t *testing.T) {
	for _, deep := range []bool{false, true} {
		r := NewRally(3, deep)
		for ball := 0; ; ball++ {
			r.Hit()
			if !r.Returned(ball) {
				break
			}
		}
		if err := <-r.Done; err != nil {
			t.Error(err)
		}
	}
}

func TestRallyNoticesALostBall(t *testing.T) {
	r := NewRally(2, false)
	r.Hit()
	if !r.Returned(0) {
		t.Fatal("the rally ended a ball early")
	}
	if r.Returned(1) {
		t.Fatal("the rally goes on after its end")
	}
	if err := <-r.Done; err == nil {
		t.Fatal("nobody noticed that pong never saw the second ball")
	}
}

func TestRallyNoticesTheWrongBall(t *testing.T) {
	r := NewRally(2, false)
	r.Hit()
	if r.Returned(7) {
		t.Fatal("the rally goes on with a ball that was never served")
	}
	if err := <-r.Done; err == nil {
		t.Fatal("nobody noticed the wrong ball")
	}
}

func TestChecks(t *testing.T) {
	if err := CheckRing(5, 3*RingSize+5); err != nil {
		t.Error(err)
	}
	if err := CheckRing(4, 5); err == nil {
		t.Error("the wrong node passed")
	}
	if err := CheckAnswer(1, 2); err != nil {
		t.Error(err)
	}
	if err := CheckAnswer(1, 1); err == nil {
		t.Error("the wrong answer passed")
	}
}

func TestStandardTableHasEveryWork(t *testing.T) {
	nothing := func(*Meter, int) error { return nil }
	table := Standard{
		Flow:      func(int, int) Func { return nothing },
		PingPong:  func(bool) Func { return nothing },
		Ask:       nothing,
		SpawnStop: nothing,
		Ring:      nothing,
		Idle:      nothing,
	}.Table()
	for _, w := range All {
		if table[w.Name] == nil {
			t.Errorf("the table lacks %s", w.Name)
		}
		delete(table, w.Name)
	}
	for name := range table {
		t.Errorf("no work is called %s", name)
	}
}

func TestDoReportsFailures(t *testing.T) {
	p := Peer{Name: "p", Works: map[string]Func{
		"lossy": func(m *Meter, n int) error { return CheckAnswer(0, 0) },
		"idler": func(m *Meter, n int) error { return nil },
		"good": func(m *Meter, n int) error {
			m.Begin()
			m.End()
			return nil
		},
	}}
	for name, want := range map[string]string{
		"lossy": "request 0 got the answer 0",
		"idler": "the clock was never stopped",
		"other": "does not know",
		"good":  "",
	} {
		got := p.do(name, 1)
		if (want == "") != (got.Failure == "") || !strings.Contains(got.Failure, want) {
			t.Errorf("%s: the failure is %q, want %q", name, got.Failure, want)
		}
	}
}

func TestIdleMeasuresWhatIsKept(t *testing.T) {
	const n, size = 2_000, 4 << 10
	var kept [][]byte
	m := &Meter{}
	err := m.Idle(n, func() error {
		for range n {
			kept = append(kept, make([]byte, size))
		}
		return nil
	}, func() error {
		for i := range kept {
			clear(kept[i])
			kept[i][0] = 1
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.res.Idle.Heap; got < size || got > 2*size {
		t.Errorf("%d bytes kept show as %.0f", size, got)
	}
	if m.res.Seconds <= 0 || m.res.Mallocs < n {
		t.Errorf("%v seconds, %d allocations", m.res.Seconds, m.res.Mallocs)
	}
	if procStatus("VmRSS:") == 0 {
		t.Skip("this system does not tell resident memory")
	}
	if got := m.res.Touched.Resident; got < size/2 {
		t.Errorf("%d bytes written show as %.0f resident", size, got)
	}
}
