package station_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// ticks registers /tick, and records when it gets what.
func ticks(s *station.Station) *record[string] {
	r := &record[string]{}
	station.HandleFunc(s, "/tick", func(_ context.Context, m station.Mail[string]) error {
		r.add(m.Body + " " + time.Now().UTC().Format("15:04:05"))
		return nil
	}, station.Options{})
	return r
}

// TestSchedule holds for values, for bytes with a ledger and for bytes without.
func TestSchedule(t *testing.T) {
	stores := map[string]func(*testing.T) mailbox.Store{
		"values": func(t *testing.T) mailbox.Store { return mailbox.NewMemory() },
		"bytes":  func(t *testing.T) mailbox.Store { return newByteStore(t) },
		"plain":  func(t *testing.T) mailbox.Store { return plainBoxes{newByteStore(t)} },
	}
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { testSchedule(t, newStore(t)) })
		})
	}
}

func testSchedule(t *testing.T, store mailbox.Store) {
	t.Cleanup(func() { store.Close() })
	s := station.New(store, station.Logger(slogDiscard()))
	got := ticks(s)
	stop := start(t, s)
	ctx := t.Context()
	must(t, station.Schedule(ctx, s, "a", "@every 5m", "/tick", "five"))
	must(t, station.Schedule(ctx, s, "a", "@every 5m", "/tick", "five")) // again: no other
	time.Sleep(11 * time.Minute)
	wantList(t, got.get(), "five 00:05:00", "five 00:10:00")

	must(t, stop()) // and it is started again, and schedules again
	time.Sleep(22 * time.Minute)
	wantList(t, got.get()[2:])
	start(t, s)
	must(t, station.Schedule(ctx, s, "a", "@every 5m", "/tick", "five"))
	time.Sleep(8 * time.Minute) // 00:41
	wantList(t, got.get()[2:], "five 00:33:00", "five 00:35:00", "five 00:40:00")

	must(t, station.Schedule(ctx, s, "a", "@every 5m", "/tick", "other"))
	time.Sleep(10 * time.Minute) // 00:51
	wantList(t, got.get()[5:], "other 00:45:00", "other 00:50:00")

	must(t, s.Stop(station.ScheduleAddress("a")))
	time.Sleep(time.Hour) // 01:51
	wantList(t, got.get()[7:])
	must(t, s.Start(station.ScheduleAddress("a")))
	time.Sleep(5 * time.Minute) // 01:56
	wantList(t, got.get()[7:], "other 01:51:00", "other 01:55:00")

	must(t, station.Unschedule(ctx, s, "a"))
	time.Sleep(time.Hour)
	wantList(t, got.get()[9:])
	dead, err := s.DeadLetters(ctx, "/", 0)
	if must(t, err); len(dead) != 0 {
		t.Error(dead)
	}
}

func TestScheduleAcrossRestartWithoutAskingAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := newByteStore(t)
		for run := range 3 {
			s := station.New(store, station.Logger(slogDiscard()))
			got := ticks(s)
			stop := start(t, s)
			if run == 0 {
				must(t, station.Schedule(t.Context(), s, "daily", "TZ=UTC 30 9 * * *", "/tick", "x"))
			}
			time.Sleep(24 * time.Hour)
			wantList(t, got.get(), "x 09:30:00")
			must(t, stop())
		}
	})
}

func TestDelayedMailWaitsForTheStation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := ticks(s)
		tell(t, s, "/tick", "late", station.At(time.Now().Add(time.Hour)))
		tell(t, s, "/tick", "later", station.Delay(2*time.Hour))
		time.Sleep(90 * time.Minute)
		start(t, s)
		synctest.Wait()
		wantList(t, got.get(), "late 01:30:00")
		time.Sleep(time.Hour)
		wantList(t, got.get(), "late 01:30:00", "later 02:00:00")
	})
}

func TestBadPlans(t *testing.T) {
	s, _ := newStation(t)
	ticks(s)
	for _, plan := range []string{"", "@every x", "@every 1ns", "@every -1s", "* * * *", "60 * * * *", "* * 30 2 *", "a * * * *",
		"5-1 * * * *", "*/0 * * * *", "TZ=Nowhere/Land * * * * *", "@never", "* * 0 * *", "* * * * 8"} {
		if err := station.Schedule(t.Context(), s, "x", plan, "/tick", ""); err == nil {
			t.Errorf("the plan %q was taken", plan)
		}
	}
	wantErr(t, station.Schedule(t.Context(), s, "x", "@daily", "/tock", ""), station.ErrNoPattern)
}
