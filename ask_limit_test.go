package troupe_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// wantLimit checks that a question ended because of After(d), and not much later.
func wantLimit(t *testing.T, start time.Time, d time.Duration, err error) {
	t.Helper()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want one that wraps %v", err, context.DeadlineExceeded)
	}
	if took := time.Since(start); took < d || took > d+10*time.Millisecond {
		t.Errorf("it took %v, want %v or up to 10 ms more", took, d)
	}
}

func TestG30_AfterEndsAQuestion(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		deaf := troupe.Spawn(self, until[call])
		start := time.Now()
		_, err := troupe.Ask(self, deaf, 1, troupe.After(time.Second))
		wantLimit(t, start, time.Second, err)
	})
}

func TestG30_AnAnswerInTimeIsTaken(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		slow := troupe.Spawn(self, func(self caller) error {
			for m := range self.Messages() {
				time.Sleep(time.Second)
				m.Body.Reply(self, 2*m.Body.Request)
			}
			return nil
		})
		for i := range 5 {
			a, err := troupe.Ask(self, slow, i, troupe.After(2*time.Second))
			if a != 2*i || err != nil {
				t.Errorf("got %d, %v", a, err)
			}
		}
	})
}

// Many questions with limits of their own end each at its own, whatever the
// order in which they were asked.
func TestG30_ManyLimits(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		deaf := troupe.Spawn(self, until[call])
		for i := range 100 {
			d := time.Duration((i*37)%100+1) * 50 * time.Millisecond
			troupe.Spawn(self, func(self *troupe.Self[none]) error {
				start := time.Now()
				_, err := troupe.Ask(self, deaf, i, troupe.After(d))
				wantLimit(t, start, d, err)
				return nil
			})
		}
		time.Sleep(time.Minute)
	})
}

func TestG30_AfterEndsTheWaitForRoom(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		full := troupe.Spawn(self, until[call], troupe.Bounded(1, troupe.Block))
		full.Send(self, call{})
		start := time.Now()
		_, err := troupe.Ask(self, full, 1, troupe.After(time.Second))
		wantLimit(t, start, time.Second, err)
		quick := troupe.Spawn(self, answer)
		if a, err := troupe.Ask(self, quick, 1, troupe.After(time.Second)); a != 2 || err != nil {
			t.Errorf("the next question got %d, %v", a, err)
		}
	})
}

func TestG30_AfterEndsTheWaitForASuccessor(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		keep := troupe.KeepName(func(error) bool { return true })
		troupe.Spawn(self, failing[call](errBoom), troupe.Name("x"), keep).Send(self, call{})
		synctest.Wait()
		start := time.Now()
		_, err := troupe.Ask(troupe.Beside(self), troupe.Named[call]("x"), 1, troupe.After(time.Second))
		wantLimit(t, start, time.Second, err)
	})
}

// The end of the process that asks comes first.
func TestG30_AfterDoesNotOutliveTheAsker(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		deaf := troupe.Spawn(self, until[call])
		asker := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			_, err := troupe.Ask(self, deaf, 1, troupe.After(time.Hour))
			wantErr(t, err, errBoom)
			return nil
		})
		synctest.Wait()
		start := time.Now()
		asker.PID().Exit(self, errBoom)
		wantReason(t, self, asker.PID(), errBoom)
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}
