package troupe_test

import (
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe"
)

// Urgent messages: G22.

func TestG22_UrgentGoesFirstInItsOrder(t *testing.T) {
	for name, opts := range map[string][]troupe.SpawnOption{
		"unbounded": {troupe.AcceptUrgent()},
		"bounded":   {troupe.AcceptUrgent(), troupe.Bounded(10, troupe.Block)},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					<-self.Mail()
					synctest.Wait()
					wantBodies(t, self, 101, 102, 103, 1, 2)
					self.Ref().SendUrgent(self, 104) // while there is a batch at hand
					wantBodies(t, self, 104, 3)
					return nil
				}, opts...)
				r.Send(self, 1)
				r.SendUrgent(self, 101)
				r.Send(self, 2)
				r.SendUrgent(self, 102)
				r.Send(self, 3)
				r.SendUrgent(self, 103)
				wantReason(t, self, r.PID(), nil)
			})
		})
	}
}

func TestG22_UrgentIsOptInByTheReceiver(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		self.Ref().Send(self, 1)
		wantErr(t, self.Ref().SendUrgent(self, 2), nil)
		self.Ref().Send(self, 3)
		wantBodies(t, self, 1, 2, 3)
	})
}

func TestG22_UrgentInAHandler(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var got journal
		gate := make(chan none)
		h := troupe.SpawnHandler(self, handle(func(_ *troupe.Self[string], m troupe.Message[string]) error {
			if m.Body == "wait" {
				<-gate
				return nil
			}
			got.add(m.Body)
			return nil
		}), troupe.AcceptUrgent())
		h.Send(self, "wait")
		synctest.Wait()
		h.Send(self, "a")
		h.SendUrgent(self, "B")
		h.Send(self, "c")
		h.SendUrgent(self, "D")
		close(gate)
		synctest.Wait()
		got.want(t, "B D a c")
	})
}

func TestG22_SelectiveReceiveLooksAtUrgentMailFirst(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			fill(self, 1, 3)
			self.Ref().SendUrgent(self, 12)
			self.Ref().SendUrgent(self, 13)
			even := func(m troupe.Message[int]) bool { return m.Body%2 == 0 }
			if a, b := self.ReceiveFunc(even).Body, self.ReceiveFunc(even).Body; a != 12 || b != 2 {
				t.Errorf("got %d and %d, want 12 and 2", a, b)
			}
			wantBodies(t, self, 13, 1, 3)
			return nil
		}, troupe.AcceptUrgent())
		wantReason(t, self, r.PID(), nil)
	})
}

// Urgent mail overtakes bodies; it is still delivered before the news of its
// sender's end.
func TestG22_UrgentComesBeforeTheDown(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			me := self.Ref()
			a := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
				me.Send(self, 1)
				me.SendUrgent(self, 2)
				return errBoom
			})
			synctest.Wait()
			wantBodies(t, self, 2, 1)
			wantEvent(t, self, troupe.Down, a.PID(), errBoom)
			return nil
		}, troupe.AcceptUrgent())
		wantReason(t, self, r.PID(), nil)
	})
}

func TestG22_UrgentMailWakesTheWaiting(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			wantBodies(t, self, 1)
			if m := self.ReceiveFunc(is(3)); m.Body != 3 {
				t.Errorf("got %v", m)
			}
			wantBodies(t, self, 2)
			return nil
		}, troupe.AcceptUrgent())
		for i := range 3 {
			synctest.Wait()
			r.SendUrgent(self, i+1)
		}
		wantReason(t, self, r.PID(), nil)
	})
}
