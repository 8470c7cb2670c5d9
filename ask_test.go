package troupe_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Asking: G30.

// keepCalls is a body that takes calls and passes them on to whoever reads the
// channel, without an answer.
func keepCalls(calls chan<- call) func(caller) error {
	return func(self caller) error {
		for m := range self.Messages() {
			calls <- m.Body
		}
		return nil
	}
}

func TestG30_Ask(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		direct := troupe.Spawn(self, answer, troupe.Name("direct"))
		handler := troupe.SpawnHandler(self, handle(func(self caller, m troupe.Message[call]) error {
			if m.From != m.Body.From() {
				t.Errorf("the call is from %v, its message from %v", m.Body.From(), m.From)
			}
			return m.Body.Reply(self, m.Body.Request+1)
		}), troupe.Name("handler"))
		derived, cancel := context.WithTimeout(self, time.Minute)
		defer cancel()
		contexts := []context.Context{self, derived, troupe.Beside(self), context.WithoutCancel(self), self.Node().Context(context.Background())}
		for _, to := range []troupe.Ref[call]{direct, handler, troupe.Named[call]("direct"), troupe.Named[call]("/handler")} {
			for i, ctx := range contexts {
				if a, err := troupe.Ask(ctx, to, i); a != i+1 || err != nil {
					t.Errorf("%v with context %d answers %d, %v", to, i, a, err)
				}
			}
		}
		wantNothing(t, self)
	})
}

// requests is a mailbox for two kinds of questions, as in an account.
type (
	requests interface{ request() }
	balance  struct{ troupe.Call[none, int] }
	rename   struct{ troupe.Call[string, string] }
)

func (balance) request() {}
func (rename) request()  {}

func TestG30_SeveralKindsInOneMailbox(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[requests]) error {
			for m := range self.Messages() {
				switch q := m.Body.(type) {
				case balance:
					q.Reply(self, 42)
				case rename:
					if q.Request == "" {
						q.Fail(self, errBoom)
						continue
					}
					q.Reply(self, "now "+q.Request)
				}
			}
			return nil
		})
		asBalance := func(c troupe.Call[none, int]) requests { return balance{c} }
		asRename := func(c troupe.Call[string, string]) requests { return rename{c} }
		if n, err := troupe.AskWith(self, r, asBalance, none{}); n != 42 || err != nil {
			t.Errorf("balance: %d, %v", n, err)
		}
		if s, err := troupe.AskWith(self, r, asRename, "cart"); s != "now cart" || err != nil {
			t.Errorf("rename: %q, %v", s, err)
		}
		if s, err := troupe.AskWith(self, r, asRename, ""); s != "" || !errors.Is(err, errBoom) {
			t.Errorf("rename: %q, %v, want boom", s, err)
		}
	})
}

func TestG30_AnswerLaterFromElsewhere(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		calls := make(chan call)
		front := troupe.Spawn(self, keepCalls(calls))
		troupe.Spawn(self, func(self *troupe.Self[none]) error {
			var kept []call
			for len(kept) < 3 {
				kept = append(kept, <-calls)
			}
			for i := range kept {
				time.Sleep(time.Second)
				c := kept[len(kept)-1-i]
				wantErr(t, c.Reply(self, c.Request*10), nil)
			}
			return nil
		})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				if a, err := troupe.Ask(troupe.Beside(self), front, i); a != i*10 || err != nil {
					t.Errorf("the answer to %d is %d, %v", i, a, err)
				}
			})
		}
		all.Wait()
	})
}

func TestG30_FailIsReturned(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		for _, err := range []error{errBoom, nil, troupe.Stop, &troupe.DeadlockError{}} {
			r := troupe.Spawn(self, func(self caller) error {
				return next(t, self).Body.Fail(self, err)
			})
			a, got := troupe.Ask(self, r, 1)
			if a != 0 || got == nil || err != nil && !errors.Is(got, err) {
				t.Errorf("got %d, %v, want 0, %v", a, got, err)
			}
		}
	})
}

// The callee's end is seen at once, whether the call lies in its mailbox or was
// taken, and also when the call was handed to another who could still answer.
func TestG30_TheCalleesEnd(t *testing.T) {
	for _, taken := range []bool{true, false} {
		for name, c := range map[string]struct {
			end  func(self *troupe.Self[none], pid troupe.PID)
			want error
		}{
			"exit":   {func(self *troupe.Self[none], pid troupe.PID) { pid.Exit(self, errBoom) }, errBoom},
			"kill":   {func(self *troupe.Self[none], pid troupe.PID) { pid.Kill(self) }, troupe.ErrKilled},
			"normal": {func(self *troupe.Self[none], pid troupe.PID) { time.Sleep(time.Hour) }, troupe.ErrNoProc},
		} {
			t.Run(fmt.Sprint(name, " taken ", taken), func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					var kept call
					r := troupe.Spawn(self, func(self caller) error {
						if taken {
							kept = next(t, self).Body
						}
						select {
						case <-self.Done():
						case <-time.After(time.Minute):
						}
						return nil
					})
					asker := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
						_, err := troupe.Ask(self, r, 1)
						wantErr(t, err, c.want)
						if _, ended := r.PID().Ended(); !ended {
							t.Error("the callee has not ended")
						}
						if taken {
							wantErr(t, kept.Reply(self, 1), troupe.ErrNobodyWaits)
						}
						return nil
					})
					synctest.Wait()
					c.end(self, r.PID())
					wantEvent(t, self, troupe.Down, asker.PID(), nil)
				})
			})
		}
	}
}

func TestG30_NobodyThere(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		gone := troupe.Spawn(self, func(caller) error { return errBoom })
		gone.PID().Wait(self)
		for _, to := range []troupe.Ref[call]{gone, {}, troupe.Named[call]("nobody")} {
			start := time.Now()
			_, err := troupe.Ask(self, to, 1)
			wantErr(t, err, troupe.ErrNoProc)
			if d := time.Since(start); d != 0 {
				t.Errorf("it took %v to find nobody", d)
			}
		}
		_, err := troupe.Ask(context.Background(), troupe.Named[call]("nobody"), 1)
		if err == nil || errors.Is(err, troupe.ErrNoProc) {
			t.Errorf("a name without a node: %v", err)
		}
	})
}

// The asker's context ends the wait with its cause; the late answer finds nobody
// and leaves nothing behind.
func TestG30_TheContextEndsTheWait(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		calls := make(chan call, 10)
		r := troupe.Spawn(self, keepCalls(calls))
		for _, from := range []context.Context{self, troupe.Beside(self), context.Background()} {
			ctx, cancel := context.WithTimeoutCause(from, time.Second, errOther)
			start := time.Now()
			_, err := troupe.Ask(ctx, r, 1)
			cancel()
			wantErr(t, err, errOther)
			if d := time.Since(start); d != time.Second {
				t.Errorf("it waited %v, want 1s", d)
			}
			late := <-calls
			wantErr(t, late.Reply(self, 1), troupe.ErrNobodyWaits)
			wantErr(t, late.Fail(self, errBoom), troupe.ErrNobodyWaits)
		}
		wantNothing(t, self)
		// The next question does not get the answer to the last.
		go func() { <-time.After(time.Second); (<-calls).Reply(context.Background(), 7) }()
		if a, err := troupe.Ask(self, r, 1); a != 7 || err != nil {
			t.Errorf("got %d, %v, want 7", a, err)
		}
	})
}

func TestG30_OnlyTheFirstAnswerCounts(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self caller) error {
			for m := range self.Messages() {
				wantErr(t, m.Body.Reply(self, 1), nil)
				wantErr(t, m.Body.Reply(self, 2), troupe.ErrNobodyWaits)
				wantErr(t, m.Body.Fail(self, errBoom), troupe.ErrNobodyWaits)
			}
			return nil
		})
		for range 100 {
			if a, err := troupe.Ask(self, r, 0); a != 1 || err != nil {
				t.Errorf("got %d, %v", a, err)
			}
		}
		wantErr(t, call{}.Reply(self, 1), troupe.ErrNobodyWaits)
		if from := (call{}).From(); from != (troupe.PID{}) {
			t.Errorf("the zero call is from %v", from)
		}
	})
}

// Answers, failures, time-outs and deaths race for each question; each asker gets
// its own answer or an error.
func TestStorm_Ask(t *testing.T) {
	stage(t, func(t *testing.T, self *troupe.Self[none]) {
		ctx := self.Node().Context(context.Background())
		for round := range 20 {
			r := troupe.SpawnHandler(self, handle(func(self caller, m troupe.Message[call]) error {
				if m.Body.Request%5 == 4 {
					go m.Body.Reply(context.Background(), -m.Body.Request)
				}
				m.Body.Reply(self, -m.Body.Request)
				return nil
			}))
			for i := range 4 {
				troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
					for n := range 100 {
						n += i * 1000
						ctx, cancel := context.WithCancel(self)
						if n%7 == 0 {
							go cancel()
						}
						if a, err := troupe.Ask(ctx, r, n); err == nil && a != -n {
							t.Errorf("the answer to %d is %d", n, a)
						}
						cancel()
					}
					if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
						t.Errorf("left in the mailbox: %v", m)
					}
					return nil
				})
			}
			var killer sync.WaitGroup
			if round%2 == 0 {
				killer.Go(func() { r.PID().Kill(ctx) })
			}
			for range 4 {
				self.Receive()
			}
			killer.Wait()
			r.PID().Kill(self)
		}
	})
}
