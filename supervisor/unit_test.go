package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
)

func TestBackoffDelay(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		b    Backoff
		want []time.Duration
	}{
		{Backoff{}, []time.Duration{0, 0, 0}},
		{Backoff{Max: time.Hour}, []time.Duration{0, 0, 0}},
		{Backoff{Min: s, Jitter: -1}, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, time.Minute, time.Minute}},
		{Backoff{Min: time.Hour, Jitter: -1}, []time.Duration{time.Hour, time.Hour}},
		{Backoff{Min: s, Max: 5 * s, Factor: 3, Jitter: -1}, []time.Duration{s, 3 * s, 5 * s, 5 * s}},
		{Backoff{Min: s, Factor: 0.1, Jitter: -1}, []time.Duration{s, s, s}},
		{Backoff{Min: 3 * s, Max: s, Jitter: -1}, []time.Duration{s, s}},
	} {
		for i, want := range c.want {
			if got := c.b.delay(i + 1); got != want {
				t.Errorf("%+v, restart %d: %v, want %v", c.b, i+1, got, want)
			}
		}
	}
	if d := (Backoff{Min: s, Jitter: -1}).delay(1 << 40); d != time.Minute {
		t.Error("very late:", d)
	}
}

func TestBackoffJitterOnlyShortens(t *testing.T) {
	for _, c := range []struct{ jitter, least float64 }{{0, 0.8}, {0.5, 0.5}, {1, 0}, {7, 0}} {
		b := Backoff{Min: time.Second, Max: time.Second, Jitter: c.jitter}
		seen := make(map[time.Duration]bool)
		for range 1000 {
			d := b.delay(3)
			if d > time.Second || d.Seconds() < c.least {
				t.Fatal(c, d)
			}
			seen[d] = true
		}
		if len(seen) < 900 {
			t.Error(c, "is hardly random:", len(seen))
		}
	}
}

func TestIntensity(t *testing.T) {
	now := time.Now()
	i := intensity{limit: 2, period: 10 * time.Second}
	for _, c := range []struct {
		at   int
		many bool
	}{{0, false}, {1, false}, {10, true}, {11, true}, {22, false}, {23, false}, {32, true}, {50, false}} {
		if got := i.add(now.Add(time.Duration(c.at) * time.Second)); got != c.many {
			t.Errorf("at %d: %v", c.at, got)
		}
	}
	if none := (intensity{period: time.Second}); !none.add(now) {
		t.Error("the first is one too many")
	}
}

func TestNames(t *testing.T) {
	for want, v := range map[string]fmt.Stringer{
		"one for one": OneForOne, "one for all": OneForAll, "rest for one": RestForOne,
		"never": Never, "any significant": AnySignificant, "all significant": AllSignificant,
		"permanent": Permanent, "transient": Transient, "temporary": Temporary,
		"waiting": Waiting, "backing off": BackingOff, "ended": Ended, "unknown (77)": State(77),
		"child started": ChildStarted, "gave up": GaveUp, `"x"`: id{name: "x"}, "nobody": id{},
	} {
		if v.String() != want {
			t.Errorf("%q, want %q", v, want)
		}
	}
}

func TestErrorsNeverLookNormal(t *testing.T) {
	for _, reason := range []error{nil, troupe.Stop, fmt.Errorf("well: %w", troupe.Stop)} {
		err := &RestartsError{Child: "x", Restarts: 2, Period: time.Second, Reason: reason}
		if troupe.IsNormal(err) || !errors.Is(err, troupe.ErrShutdown) || !strings.HasSuffix(err.Error(), "normal end") {
			t.Error(err)
		}
	}
	if failed(fmt.Errorf("so: %w", troupe.ErrShutdown)) || failed(nil) || !failed(&troupe.PanicError{Value: troupe.Stop}) {
		t.Error("failed is wrong")
	}
	if failed(&RestartsError{Reason: &troupe.PanicError{}}) {
		t.Error("a supervisor that gave up is taken for one that panicked")
	}
}

func TestLog(t *testing.T) {
	boom := errors.New("boom")
	stack := &troupe.PanicError{Value: 1, Stack: []byte("main.go:7")}
	for _, c := range []struct {
		e          Event
		want, lack string
	}{
		{Event{Kind: ChildEnded, Child: "x", Reason: boom}, `level=ERROR msg="supervisor: child ended" supervisor=nobody child=x reason=boom`, "stack"},
		{Event{Kind: ChildEnded}, "level=DEBUG", "reason"},
		{Event{Kind: ChildEnded, Reason: troupe.ErrShutdown}, "level=DEBUG", "ERROR"},
		{Event{Kind: ChildEnded, Reason: stack}, "stack=main.go:7", "WARN"},
		{Event{Kind: ChildNotStarted, Reason: &StartError{Reason: stack}}, "stack=main.go:7", "WARN"},
		{Event{Kind: ChildRestarting, Reason: stack, Delay: time.Second, Restarts: 3}, "level=INFO msg=\"supervisor: child restarting\" supervisor=nobody child=\"\" reason=\"panic: 1\" restarts=3 delay=1s", "stack"},
		{Event{Kind: ChildStarted}, "level=DEBUG", "delay"},
		{Event{Kind: ChildStopped, Reason: boom}, "level=DEBUG", "ERROR"},
		{Event{Kind: ChildOverdue}, "level=ERROR", "stack"},
		{Event{Kind: ChildRefused, Reason: boom}, "level=WARN", "stack"},
		{Event{Kind: GaveUp, Reason: stack}, "level=ERROR", "stack"},
	} {
		var b bytes.Buffer
		Log(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))(c.e)
		if got := b.String(); !strings.Contains(got, c.want) || strings.Contains(got, c.lack) {
			t.Errorf("%s\nwant %s\nand no %s", got, c.want, c.lack)
		}
		b.Reset()
		Log(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError + 1})))(c.e)
		if b.Len() != 0 {
			t.Error("too loud:", b.String())
		}
	}
}

func TestCrewKeepsCount(t *testing.T) {
	c := crew{byName: make(map[string]*entry), byPID: make(map[troupe.PID]*entry)}
	a := &entry{Child: Child{Name: "a", Significant: true, Restart: Transient}}
	b := &entry{Child: Child{Name: "b"}, super: true}
	x := &entry{}
	for _, e := range []*entry{a, b, x} {
		c.append(e)
	}
	c.supers = 1
	c.move(a, Running)
	if c.vital != 1 || c.alive() != 1 || c.first != a || c.last != x || c.find(id{name: "b"}) != b {
		t.Errorf("%+v", c)
	}
	c.remove(b)
	if a.next != x || x.prev != a || c.supers != 0 || c.find(id{name: "b"}) != nil {
		t.Errorf("%+v", c)
	}
	c.move(a, Ended)
	c.remove(x)
	c.remove(a)
	if c.vital != 0 || c.first != nil || c.last != nil || c.count() != (Tally{}) || c.list() != nil {
		t.Errorf("%+v", c)
	}
}
