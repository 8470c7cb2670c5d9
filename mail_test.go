package troupe_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Self.Mail: waiting for mail and a channel at once.

func TestMail_WithAnotherChannel(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[string]) {
		numbers, me := make(chan int), self.Ref()
		troupe.Spawn(self, func(self *troupe.Self[none]) error {
			for i := range 10 {
				time.Sleep(time.Second)
				if i%3 == 0 {
					numbers <- i
				} else {
					me.Send(self, "mail")
				}
			}
			return nil
		})
		var got journal
		for range 10 {
			select {
			case <-self.Mail():
				got.add(next(t, self).Body)
			case <-numbers:
				got.add("number")
			}
		}
		got.want(t, "number mail mail number mail mail number mail mail number")
	})
}

// No message is overlooked, in whatever order Mail and the send come.
func TestMail_TellsOfEveryMessage(t *testing.T) {
	for name, wait := range map[string]func(){"wait": func() { synctest.Wait() }, "go on": func() {}} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, self *troupe.Self[none]) {
				const many = 500
				r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
					for got := 0; got < many; {
						select {
						case <-self.Mail():
						case <-time.After(time.Hour):
							t.Fatalf("nothing came after %d messages", got)
						}
						for m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout; m = self.Receive(troupe.After(0)) {
							if m.Body != got {
								t.Fatalf("got %d, want %d", m.Body, got)
							}
							got++
						}
					}
					return nil
				})
				for i := range many {
					r.Send(self, i)
					wait()
				}
				wantReason(t, self, r.PID(), nil)
			})
		})
	}
}

// Taking one message at a time, the rest must be told of again.
func TestMail_OneMessagePerToken(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		const many = 600
		fill(self, 1, many)
		for i := range many {
			select {
			case <-self.Mail():
			default:
				t.Fatalf("Mail is silent with %d messages waiting", many-i)
			}
			if m := self.Receive(troupe.After(0)); m.Body != i+1 {
				t.Fatalf("got %v, want %d", m, i+1)
			}
		}
	})
}

func TestMail_TellsOfSignalsAndUrgentMail(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			<-self.Mail()
			wantBodies(t, self, 1)
			a := troupe.SpawnMonitor(self, func(*troupe.Self[none]) error { time.Sleep(time.Second); return errBoom })
			<-self.Mail()
			wantEvent(t, self, troupe.Down, a.PID(), errBoom)
			self.Ref().SendUrgent(self, 2)
			<-self.Mail()
			wantBodies(t, self, 2)
			return nil
		}, troupe.AcceptUrgent())
		synctest.Wait()
		r.SendUrgent(self, 1)
		wantReason(t, self, r.PID(), nil)
	})
}

func TestMail_TellsOfTheEnd(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		for _, early := range []bool{true, false} {
			r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
				if early {
					<-self.Done()
				}
				<-self.Mail()
				wantMessage(t, self.Receive(), troupe.Exit, self.PID(), errBoom)
				return nil
			})
			synctest.Wait()
			r.PID().Exit(self, errBoom)
			wantReason(t, self, r.PID(), errBoom)
		}
	})
}

// Waiting on Mail in vain leaves the process able to receive as usual.
func TestMail_ThenReceive(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		for i := range 100 {
			self.Mail()
			self.Ref().SendAfter(self, time.Second, i)
			if m := self.Receive(); m.Body != i {
				t.Fatalf("got %v, want %d", m, i)
			}
			self.Mail()
			self.Ref().SendAfter(self, time.Second, i)
			wantMessage(t, self.Receive(troupe.After(time.Millisecond)), troupe.Timeout, troupe.PID{}, nil)
			wantBodies(t, self, i)
		}
	})
}
