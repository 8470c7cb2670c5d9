package mailboxtest

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Wall tells the time of the day, which somebody may set.
type Wall = func() time.Time

// ClockJumps tests a store that belongs to one program with a clock that is put forward
// and back: delayed mail follows the clock, and nothing else does. open is called once,
// within a bubble of package testing/synctest.
func ClockJumps(t *testing.T, open func(t *testing.T, wall Wall) mailbox.Store) {
	const minute = time.Minute
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		wall := func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) }
		s := open(t, wall)
		defer s.Close()
		session := serve(t, s)
		delayed := text("/late", "late")
		delayed.Due = wall().Add(30 * minute)
		put(t, s, delayed, text("/a", "1"))
		b := nextIs(t, session, "/a")
		start := time.Now()
		ahead.Add(-int64(time.Hour))
		if err := b.Release(minute / 4); err != nil {
			t.Fatal("Release:", err)
		}
		b = nextIs(t, session, "/a")
		if rested := time.Since(start); rested < minute/4 || rested > 2*minute {
			t.Errorf("an address that was to rest for %v rested for %v when the clock was put back", minute/4, rested)
		}
		d := one(t, b, "1", 1)
		settle(t, b, mailbox.Outcome{Key: d.Key, Verdict: mailbox.Retry})
		take(t, b, "1", 2)
		release(t, b)
		flush(t, session)
		if st := status(t, s, "/late"); st.Delayed != 1 {
			t.Errorf("Status is %+v, want one that is not due", st)
		}
		start = time.Now()
		ahead.Add(int64(2 * time.Hour))
		ctx, cancel := limitedTo(t, 10*minute)
		defer cancel()
		b, err := session.Next(ctx)
		if err != nil {
			t.Fatal("Next:", err)
		}
		take(t, b, "late", 1)
		if late := time.Since(start); late > minute+time.Second {
			t.Errorf("mail came %v after the clock had been put beyond its time", late)
		}
	})
}
