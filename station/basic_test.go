package station_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// numbers registers a pattern whose actors record what they get.
func numbers(s *station.Station, pattern string, o station.Options) *record[int] {
	r := &record[int]{}
	station.HandleFunc(s, pattern, func(_ context.Context, m station.Mail[int]) error {
		r.add(m.Body)
		return nil
	}, o)
	return r
}

func wantList[T comparable](t *testing.T, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func upTo(n int) []int {
	var list []int
	for i := range n {
		list = append(list, i)
	}
	return list
}

func TestG71_MailWaitsForTheStation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := numbers(s, "/cart/{id}", station.Options{})
		for i := range 100 {
			tell(t, s, "/cart/42", i)
		}
		synctest.Wait()
		wantList(t, got.get())
		start(t, s)
		synctest.Wait()
		wantList(t, got.get(), upTo(100)...)
		for i := range 100 {
			tell(t, s, "/cart/42", 100+i)
		}
		synctest.Wait()
		wantList(t, got.get(), upTo(200)...)
	})
}

func TestG71_ManyAddresses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t, station.Limit(8), station.Keep(100))
		got := &record[string]{}
		station.HandleFunc(s, "/cart/{id}", func(_ context.Context, m station.Mail[int]) error {
			got.add(m.Param("id"))
			return nil
		}, station.Options{})
		start(t, s)
		for i := range 1000 {
			tell(t, s, fmt.Sprint("/cart/", i), i)
		}
		synctest.Wait()
		if n := len(got.get()); n != 1000 {
			t.Error("handled", n)
		}
	})
}

func TestG70_FailedMailComesAgainInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := &record[string]{}
		station.HandleFunc(s, "/a", func(_ context.Context, m station.Mail[int]) error {
			got.add(fmt.Sprint(m.Body, "#", m.Count))
			if m.Body == 1 && m.Count < 3 {
				return errors.New("not yet")
			}
			return nil
		}, station.Options{})
		start(t, s)
		for i := range 3 {
			tell(t, s, "/a", i)
		}
		time.Sleep(time.Minute)
		wantList(t, got.get(), "0#1", "1#1", "1#2", "1#3", "2#1")
	})
}

func TestG70_DeadLetters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		var broken atomic.Bool
		broken.Store(true)
		got := &record[int]{}
		done := &record[bool]{}
		station.HandleFunc(s, "/a/{x}", func(_ context.Context, m station.Mail[int]) error {
			if broken.Load() && m.Body == 1 {
				return errors.New("broken")
			}
			got.add(m.Body)
			return nil
		}, station.Options{Retry: station.Retry{Attempts: 3}, Done: func(_ string, err error) { done.add(err == nil) }})
		start(t, s)
		for i := range 3 {
			tell(t, s, "/a/1", i)
		}
		time.Sleep(time.Minute)
		wantList(t, got.get(), 0, 2)
		wantList(t, done.get(), true, false, false, false, true)
		dead, err := s.DeadLetters(t.Context(), "/a", 0)
		must(t, err)
		if len(dead) != 1 || dead[0].Reason != "broken" || dead[0].Count != 3 {
			t.Fatal(dead)
		}
		broken.Store(false)
		n, err := s.Replay(t.Context(), dead...)
		must(t, err)
		time.Sleep(time.Minute)
		wantList(t, got.get(), 0, 2, 1)
		if dead, _ = s.DeadLetters(t.Context(), "/", 0); n != 1 || len(dead) != 0 {
			t.Error(n, dead)
		}
	})
}

func TestG44_StopAndStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, store := newStation(t)
		got := numbers(s, "/a", station.Options{})
		stop := start(t, s)
		tell(t, s, "/a", 0)
		synctest.Wait()
		must(t, s.Stop("/a"))
		tell(t, s, "/a", 1)
		synctest.Wait()
		wantList(t, got.get(), 0)
		must(t, stop())
		status, err := store.Addresses().Status(t.Context(), "/a")
		if must(t, err); !status.Stopped || status.Waiting != 1 {
			t.Error(status)
		}
		start(t, s)
		synctest.Wait()
		wantList(t, got.get(), 0)
		must(t, s.Start("/a"))
		synctest.Wait()
		wantList(t, got.get(), 0, 1)
	})
}

func TestAsk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		station.HandleFunc(s, "/len", func(ctx context.Context, m station.Mail[string]) error {
			if m.Body == "" {
				return errors.ErrUnsupported
			}
			return m.Reply(ctx, len(m.Body))
		}, station.Options{})
		station.HandleFunc(s, "/twice", func(ctx context.Context, m station.Mail[string]) error {
			n, err := station.Ask[string, int](ctx, s, "/len", m.Body)
			if err != nil {
				return err
			}
			return m.Reply(ctx, 2*n)
		}, station.Options{})
		start(t, s)
		n, err := station.Ask[string, int](t.Context(), s, "/twice", "four")
		if n != 8 || err != nil {
			t.Error(n, err)
		}
		_, err = station.Ask[string, int](t.Context(), s, "/twice", "")
		wantErr(t, err, errors.ErrUnsupported)
		_, err = station.Ask[string, string](t.Context(), s, "/len", "x")
		wantErr(t, err, troupe.ErrWrongType)
		must(t, s.Stop("/len"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = station.Ask[string, int](ctx, s, "/twice", "four")
		wantErr(t, err, context.DeadlineExceeded)
	})
}

func TestG71_Gate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		var open atomic.Bool
		got := numbers(s, "/a", station.Options{Gate: func(string) bool { return open.Load() }})
		start(t, s)
		tell(t, s, "/a", 1)
		time.Sleep(10 * time.Second)
		wantList(t, got.get())
		open.Store(true)
		time.Sleep(2 * time.Second)
		wantList(t, got.get(), 1)
	})
}

func TestG71_StartAsksTheGateAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		var open atomic.Bool
		got := numbers(s, "/a", station.Options{Gate: func(string) bool { return open.Load() }, GateWait: time.Hour})
		start(t, s)
		tell(t, s, "/a", 1)
		synctest.Wait()
		open.Store(true)
		must(t, s.Start("/a"))
		synctest.Wait()
		wantList(t, got.get(), 1)
	})
}

func TestPriorityDelayExpiryAndIDs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		got := numbers(s, "/a", station.Options{})
		start(t, s)
		must(t, s.Stop("/a"))
		tell(t, s, "/a", 3)
		tell(t, s, "/a", 4, station.Priority(mailbox.Low))
		tell(t, s, "/a", 2, station.Priority(mailbox.High))
		tell(t, s, "/a", 5, station.ID("x"))
		tell(t, s, "/a", 5, station.ID("x"))
		tell(t, s, "/a", 6, station.Delay(time.Hour))
		tell(t, s, "/a", 7, station.Expire(time.Minute))
		time.Sleep(2 * time.Minute)
		must(t, s.Start("/a"))
		synctest.Wait()
		wantList(t, got.get(), 2, 3, 5, 4)
		time.Sleep(time.Hour)
		wantList(t, got.get(), 2, 3, 5, 4, 6)
		dead, _ := s.DeadLetters(t.Context(), "", 0)
		if len(dead) != 1 || dead[0].Reason != station.ErrExpired.Error() {
			t.Error(dead)
		}
	})
}
