package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervisor"
)

// on runs body as the root of a node, in a bubble of time of its own.
func on(t *testing.T, body func(self *troupe.Self[string], place *mailbox.Place[string])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := mailbox.NewMemory()
		defer store.Close()
		place := &mailbox.Place[string]{Store: store, Address: "/words"}
		err := troupe.Run(t.Context(), func(self *troupe.Self[string]) error {
			body(self, place)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func send(t *testing.T, ctx context.Context, to troupe.Ref[string], words ...string) {
	t.Helper()
	for _, w := range words {
		if err := to.Send(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
}

// report tells the root what arrived, and whether it may have arrived before.
func report(self *troupe.Self[string], root troupe.Ref[string], m troupe.Message[string]) {
	line := m.Body
	if m.Redelivered {
		line += " again"
	}
	root.Send(self, line)
}

func expect(t *testing.T, self *troupe.Self[string], want ...string) {
	t.Helper()
	var got []string
	for range want {
		got = append(got, self.Receive().Body)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	synctest.Wait()
	if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
		t.Fatalf("got %v too", m)
	}
}

// TestG70_CrashDeliversAgain crashes a handler once at a word; a supervisor starts it
// again.
func TestG70_CrashDeliversAgain(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		root := self.Ref()
		handler := troupe.Handling(func() troupe.Handler[string] {
			return troupe.HandlerFunc[string](func(self *troupe.Self[string], m troupe.Message[string]) error {
				report(self, root, m)
				if m.Body == "b" && !m.Redelivered {
					panic("at b")
				}
				return nil
			})
		})
		words := supervisor.Spec{Intensity: 1, Period: time.Second, Children: []supervisor.Child{
			{Name: "words", Body: handler.With(troupe.Mailbox(place))},
		}}
		troupe.SpawnLink(self, words.Run)
		for _, w := range []string{"a", "b", "c"} {
			if err := place.Put(self, w, false); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, self, "a", "b", "b again", "c")
	})
}

// TestG70_DirectStyle: asking for the next message and returning nil is to have handled
// the one before; returning an error is not.
func TestG70_DirectStyle(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		root := self.Ref()
		life := func(last int, reason error) {
			t.Helper()
			p := troupe.SpawnMonitor(self, func(self *troupe.Self[string]) error {
				for range last {
					report(self, root, self.Receive())
				}
				return reason
			}, troupe.Mailbox(place))
			m := self.ReceiveFunc(func(m troupe.Message[string]) bool { return m.Event == troupe.Down && m.From == p.PID() })
			if !errors.Is(m.Reason, reason) {
				t.Fatal(m)
			}
		}
		for _, w := range []string{"a", "b", "c", "d"} {
			place.Put(self, w, false)
		}
		life(2, errors.New("in b"))
		life(2, nil)
		life(1, errors.New("in d"))
		life(1, nil)
		expect(t, self, "a", "b", "b again", "c", "d", "d again")
		if s, _ := place.Store.Addresses().Status(self, "/words"); s.Waiting != 0 {
			t.Errorf("%d are not settled", s.Waiting)
		}
	})
}

// TestG70_Poison: what crashes every process that handles it becomes a dead letter, and
// what is behind it gets its turn.
func TestG70_Poison(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		place.Deliveries = 3
		for _, w := range []string{"poison", "bread"} {
			place.Put(self, w, false)
		}
		root, deaths := self.Ref(), 0
		for done := false; !done; {
			troupe.SpawnMonitor(self, func(self *troupe.Self[string]) error {
				m := self.Receive()
				if m.Body == "poison" {
					return fmt.Errorf("death %d", deaths+1)
				}
				return root.Send(self, m.Body)
			}, troupe.Mailbox(place))
			for m := self.Receive(); m.Event != troupe.Down; m = self.Receive() {
				done = m.Body == "bread"
			}
			deaths++
		}
		if deaths != 4 { // three of poison, and a normal end
			t.Errorf("%d processes were needed", deaths)
		}
		dead, err := place.Store.DeadLetters().List(self, mailbox.Query{})
		if err != nil || len(dead) != 1 || dead[0].Value != "poison" || dead[0].Reason != "death 3" || dead[0].Count != 3 {
			t.Errorf("dead letters: %+v, %v", dead, err)
		}
	})
}

// TestG70_Killed kills a process while it handles a word.
func TestG70_Killed(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		root := self.Ref()
		body := troupe.HandlerFunc[string](func(self *troupe.Self[string], m troupe.Message[string]) error {
			report(self, root, m)
			if !m.Redelivered {
				<-self.Done()
			}
			return nil // too late: the word has been given to another
		})
		p := troupe.SpawnHandler(self, body, troupe.Mailbox(place), troupe.Monitored())
		send(t, self, p, "a")
		if got := self.Receive().Body; got != "a" {
			t.Fatal(got)
		}
		p.PID().Kill(self)
		if m := self.Receive(); m.Event != troupe.Down {
			t.Fatal(m)
		}
		troupe.SpawnHandler(self, body, troupe.Mailbox(place))
		expect(t, self, "a again")
	})
}

// TestG70_ShutDown tells a process to end while it handles a word: it handles it to the
// end, and the next one is for its successor.
func TestG70_ShutDown(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		root := self.Ref()
		body := troupe.HandlerFunc[string](func(self *troupe.Self[string], m troupe.Message[string]) error {
			if m.Body == "a" {
				<-self.Done()
			}
			report(self, root, m)
			return nil
		})
		p := troupe.SpawnHandler(self, body, troupe.Mailbox(place), troupe.Monitored())
		send(t, self, p, "a", "b")
		synctest.Wait()
		p.PID().Exit(self, troupe.ErrShutdown)
		if m := self.ReceiveFunc(func(m troupe.Message[string]) bool { return m.Event == troupe.Down }); !errors.Is(m.Reason, troupe.ErrShutdown) {
			t.Fatal(m)
		}
		troupe.SpawnHandler(self, body, troupe.Mailbox(place))
		expect(t, self, "a", "b")
	})
}

// TestG70_WhatCannotBeRead is a dead letter with the reason, and holds nothing up.
func TestG70_WhatCannotBeRead(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		place.Store.Put(self, mailbox.Mail{Address: "/words", Value: 42})
		place.Put(self, "readable", false)
		root := self.Ref()
		troupe.Spawn(self, func(self *troupe.Self[string]) error {
			report(self, root, self.Receive())
			return nil
		}, troupe.Mailbox(place))
		expect(t, self, "readable")
		dead, _ := place.Store.DeadLetters().List(self, mailbox.Query{})
		if len(dead) != 1 || !strings.Contains(dead[0].Reason, "int") {
			t.Errorf("dead letters: %+v", dead)
		}
	})
}

// TestG44_StoppedPlace: a person stops the address; mail waits until it is started.
func TestG44_StoppedPlace(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		root := self.Ref()
		p := troupe.SpawnHandler(self, troupe.HandlerFunc[string](func(self *troupe.Self[string], m troupe.Message[string]) error {
			report(self, root, m)
			return nil
		}), troupe.Mailbox(place))
		send(t, self, p, "a")
		expect(t, self, "a")
		addresses := place.Store.Addresses()
		addresses.Stop(self, "/words")
		send(t, self, p, "b")
		expect(t, self)
		addresses.Start(self, "/words")
		expect(t, self, "b")
	})
}

// TestPlace_QuestionsAndUrgent: questions are not kept, and pass what is; urgent mail is
// kept, and passes it too.
func TestPlace_QuestionsAndUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mailbox.NewMemory()
		defer store.Close()
		place := &mailbox.Place[any]{Store: store, Address: "/any"}
		err := troupe.Run(t.Context(), func(self *troupe.Self[any]) error {
			p := troupe.Spawn(self, func(self *troupe.Self[any]) error {
				var got []any
				for m := range self.Messages() {
					switch b := m.Body.(type) {
					case troupe.Call[int, []any]:
						b.Reply(self, got)
					case time.Duration:
						time.Sleep(b)
					default:
						got = append(got, b)
					}
				}
				return nil
			}, troupe.Mailbox(place), troupe.AcceptUrgent())
			p.Send(self, time.Second)
			synctest.Wait()
			p.Send(self, "ordinary")
			p.SendUrgent(self, "urgent")
			time.Sleep(2 * time.Second)
			wrap := func(c troupe.Call[int, []any]) any { return c }
			got, err := troupe.AskWith(self, p, wrap, 0)
			if err != nil || !slices.Equal(got, []any{"urgent", "ordinary"}) {
				t.Errorf("got %v, %v", got, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestG70_BoxFails: a store that fails ends the process with the cause.
func TestG70_BoxFails(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		p := troupe.SpawnMonitor(self, func(self *troupe.Self[string]) error {
			for range self.Messages() {
			}
			return nil
		}, troupe.Mailbox(place))
		place.Store.Close()
		if m := self.Receive(); m.From != p.PID() || !errors.Is(m.Reason, mailbox.ErrClosed) {
			t.Error(m)
		}
		if err := place.Put(self, "a", false); !errors.Is(err, mailbox.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestMailbox_OfAnotherType: Spawn says what is wrong.
func TestMailbox_OfAnotherType(t *testing.T) {
	on(t, func(self *troupe.Self[string], place *mailbox.Place[string]) {
		defer func() {
			if v := fmt.Sprint(recover()); !strings.Contains(v, "int") {
				t.Errorf("panicked with %q", v)
			}
		}()
		troupe.Spawn(self, func(*troupe.Self[int]) error { return nil }, troupe.Mailbox(place))
	})
}
