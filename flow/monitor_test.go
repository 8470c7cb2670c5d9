package flow_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/flow"
)

// takes works for d on each item.
func takes(d time.Duration) func(context.Context, int) (int, error) {
	return func(_ context.Context, n int) (int, error) {
		time.Sleep(d)
		return n, nil
	}
}

func TestMonitorNamesTheBottleneck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var m flow.Monitor
		if m.Bottleneck() != "" {
			t.Fatal("a bottleneck before anything ran")
		}
		s := flow.Map(upTo(20), takes(time.Second), flow.Name("parse"))
		s = flow.Map(s, takes(12*time.Second), flow.Name("fetch"), flow.Parallel(4))
		s = flow.Map(s, takes(2*time.Second), flow.Name("store"))
		if _, err := flow.Watch(s, &m).Collect(bg); err != nil {
			t.Fatal(err)
		}
		if b := m.Bottleneck(); b != "fetch" {
			t.Fatalf("%s: %+v", b, m.Stages())
		}
		stages := m.Stages()
		want := []flow.StageStats{
			{Name: "store", Workers: 1, In: 20, Out: 20, Busy: 40 * time.Second},
			{Name: "fetch", Workers: 4, In: 20, Out: 20, Busy: 240 * time.Second},
			{Name: "parse", Workers: 1, In: 20, Out: 20, Busy: 20 * time.Second},
		}
		for i := range want {
			if stages[i] != want[i] {
				t.Errorf("%+v\nwant %+v", stages[i], want[i])
			}
		}
	})
}

func TestMonitorSeesWhoWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var m flow.Monitor
		starved := flow.Map(timed(time.Hour), double, flow.Parallel(3))
		go func() { _, _ = flow.Watch(starved, &m).Collect(bg) }()
		synctest.Wait()
		if s := m.Stages()[0]; s.WaitingIn != 3 || s.WaitingOut != 0 || s.InFlight != 0 {
			t.Fatalf("starved: %+v", s)
		}
		time.Sleep(2 * time.Hour)

		working := flow.Map(naturals(), takes(time.Second), flow.Parallel(3))
		var w flow.Monitor
		ctx, cancel := context.WithTimeout(bg, 1500*time.Millisecond)
		defer cancel()
		over := make(chan error)
		go func() {
			_, err := flow.Watch(working, &w).Collect(ctx)
			over <- err
		}()
		synctest.Wait()
		if s := w.Stages()[0]; s.WaitingIn != 0 || s.WaitingOut != 0 || s.InFlight != 3*64 {
			t.Errorf("working: %+v", s)
		}
		<-over

		var n flow.Monitor
		blocked := flow.Map(naturals(), double, flow.Parallel(3), flow.Window(10))
		for range flow.Watch(blocked, &n).All(bg) {
			synctest.Wait()
			if s := n.Stages()[0]; s.WaitingIn != 0 || s.WaitingOut != 3 || s.InFlight < 9 || s.InFlight > 10 {
				t.Errorf("blocked: %+v", s)
			}
			break
		}
	})
}

func TestMonitorSeesWhoWaitsInline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var m flow.Monitor
		s := flow.Map(timed(time.Second, time.Second), takes(time.Second))
		done := make(chan error)
		go func() {
			done <- flow.ForEach(bg, flow.Watch(s, &m), func(context.Context, int) error {
				time.Sleep(time.Second)
				return nil
			})
		}()
		for _, want := range []flow.StageStats{
			{WaitingIn: 1},
			{In: 1, InFlight: 1},
			{In: 1, Out: 1, Busy: time.Second, WaitingOut: 1},
			{In: 1, Out: 1, Busy: time.Second, WaitingIn: 1},
		} {
			synctest.Wait()
			want.Name, want.Workers = "Map", 1
			if got := m.Stages()[0]; got != want {
				t.Errorf("after a second: %+v\nwant %+v", got, want)
			}
			time.Sleep(time.Second + time.Nanosecond)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestMonitorPauses(t *testing.T) {
	for _, opts := range [][]flow.Option{nil, {flow.Parallel(2), flow.Ordered()}} {
		bubble(t, func(t *testing.T) {
			var m flow.Monitor
			seen := 0
			done := make(chan error)
			s := flow.Watch(flow.Map(upTo(100), takes(time.Second), opts...), &m)
			m.Pause()
			m.Pause()
			go func() {
				done <- flow.ForEach(bg, s, func(context.Context, int) error { seen++; return nil })
			}()
			time.Sleep(time.Hour)
			if seen != 0 {
				t.Fatal("seen", seen, "while paused")
			}
			m.Resume()
			m.Resume()
			if err := <-done; err != nil || seen != 100 {
				t.Fatal(err, seen)
			}
		})
	}
}

func TestG53_PausedFlowEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		var m flow.Monitor
		m.Pause()
		if vs, err := flow.Watch(upTo(3), &m).Collect(ctx); len(vs) != 0 || err == nil {
			t.Fatal(vs, err)
		}
	})
}
