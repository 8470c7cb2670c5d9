package station

import (
	"testing"
	"time"
)

func TestCronTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	const layout = "Mon 2006-01-02 15:04:05"
	for _, c := range []struct{ plan, from, want string }{
		{"TZ=UTC * * * * *", "2026-01-01 00:00:00", "Thu 2026-01-01 00:01:00"},
		{"TZ=UTC */15 * * * *", "2026-01-01 00:46:12", "Thu 2026-01-01 01:00:00"},
		{"TZ=UTC 5,10-12,40/10 * * * *", "2026-01-01 00:12:00", "Thu 2026-01-01 00:40:00"},
		{"TZ=UTC 30 9 * * mon-fri", "2026-01-02 09:30:00", "Mon 2026-01-05 09:30:00"},
		{"TZ=UTC 0 0 29 2 *", "2026-01-01 00:00:00", "Tue 2028-02-29 00:00:00"},
		{"TZ=UTC 0 0 13 * fri", "2026-02-01 00:00:00", "Fri 2026-02-06 00:00:00"}, // either will do
		{"TZ=UTC 0 0 1 JAN *", "2026-01-01 00:00:00", "Fri 2027-01-01 00:00:00"},
		{"TZ=UTC 0 12 * * 7", "2026-01-01 00:00:00", "Sun 2026-01-04 12:00:00"},
		{"TZ=UTC @monthly", "2026-01-31 23:59:59", "Sun 2026-02-01 00:00:00"},
		{"TZ=UTC 59 23 31 12 *", "2026-12-31 23:59:00", "Fri 2027-12-31 23:59:00"},
		{"@every 90s", "2026-01-01 00:00:00", "Thu 2026-01-01 00:01:30"},
		{"@every 1h", "2026-01-01 05:59:59", "Thu 2026-01-01 06:00:00"},
		// 02:30 does not exist on 29 March 2026 in Berlin, and comes twice on 25 October.
		{"TZ=Europe/Berlin 30 2 * * *", "2026-03-28 12:00:00", "Mon 2026-03-30 00:30:00"},
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-24 12:00:00", "Sun 2026-10-25 00:30:00"},
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-25 00:30:00", "Mon 2026-10-26 01:30:00"},
	} {
		p, err := parsePlan(c.plan)
		if err != nil {
			t.Error(c.plan, err)
			continue
		}
		from, err := time.Parse(time.DateTime, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.next(from).UTC().Format(layout); got != c.want {
			t.Errorf("%s after %s is %s, want %s", c.plan, c.from, got, c.want)
		}
	}
	_ = berlin
}

// FuzzPlan: what is read gives later times only, and the same whoever asks from
// between two of them.
func FuzzPlan(f *testing.F) {
	for _, s := range []string{"@every 5m", "* * * * *", "TZ=UTC 1-5/2 3 * * sun", "@weekly", "0 0 31 * *"} {
		f.Add(s, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		p, err := parsePlan(text)
		if err != nil {
			return
		}
		from := time.Unix(at%4_000_000_000, 0)
		next := p.next(from)
		if next.IsZero() {
			return
		}
		if !next.After(from) {
			t.Fatal(from, next)
		}
		if between := from.Add(next.Sub(from) / 2); !p.next(between).Equal(next) {
			t.Fatal(from, next, between, p.next(between))
		}
	})
}
