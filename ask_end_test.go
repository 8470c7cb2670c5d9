package troupe_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// Asking while the asker ends, and asking names that are being restarted: G30.

func TestG30_TheAskersEnd(t *testing.T) {
	for name, spawn := range map[string]func(self *troupe.Self[none], ask func(ctx context.Context) error) troupe.PID{
		"direct": func(self *troupe.Self[none], ask func(ctx context.Context) error) troupe.PID {
			return troupe.Spawn(self, func(self *troupe.Self[none]) error { return ask(self) }).PID()
		},
		"handler": func(self *troupe.Self[none], ask func(ctx context.Context) error) troupe.PID {
			h := troupe.SpawnHandler(self, handle(func(self *troupe.Self[none], _ troupe.Message[none]) error { return ask(self) }))
			h.Send(self, none{})
			return h.PID()
		},
	} {
		for how, end := range map[string]func(*troupe.Self[none], troupe.PID) error{
			"exit": func(self *troupe.Self[none], pid troupe.PID) error { pid.Exit(self, errBoom); return errBoom },
			"kill": func(self *troupe.Self[none], pid troupe.PID) error { pid.Kill(self); return troupe.ErrKilled },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				play(t, func(t *testing.T, self *troupe.Self[none]) {
					calls := make(chan call, 1)
					r := troupe.Spawn(self, keepCalls(calls))
					errs := make(chan error, 1)
					pid := spawn(self, func(ctx context.Context) error {
						_, err := troupe.Ask(ctx, r, 1)
						errs <- err
						return err
					})
					late := <-calls
					synctest.Wait()
					want := end(self, pid)
					wantErr(t, <-errs, want)
					wantErr(t, late.Reply(self, 1), troupe.ErrNobodyWaits)
					wantReason(t, self, pid, want)
				})
			})
		}
	}
}

// A process that was told to end can still ask in its cleanup, with a context
// that does not end with it.
func TestG30_AskInTheCleanup(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, answer)
		for _, reason := range []error{errBoom, nil} {
			asker := troupe.Spawn(self, func(self *troupe.Self[none]) error {
				<-self.Done()
				_, err := troupe.Ask(self, r, 1)
				if err == nil || reason != nil && !errors.Is(err, reason) {
					t.Errorf("with its own context it got %v, want %v", err, reason)
				}
				for i := range 3 {
					if a, err := troupe.Ask(context.WithoutCancel(self), r, i); a != i+1 || err != nil {
						t.Errorf("in the cleanup the answer is %d, %v", a, err)
					}
				}
				return nil
			})
			synctest.Wait()
			if reason == nil {
				reason = troupe.ErrShutdown
				wantErr(t, asker.PID().Shutdown(self, time.Second), reason)
				continue
			}
			asker.PID().Exit(self, reason)
			wantReason(t, self, asker.PID(), reason)
		}
	})
}

// A question that was given up because the asker was to end, while it waited for
// room in a full mailbox, leaves nothing for the next.
func TestG30_AskInTheCleanupAfterAnInterruptedAsk(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		full := troupe.Spawn(self, until[call], troupe.Bounded(1, troupe.Block))
		full.Send(self, call{})
		server := troupe.Spawn(self, func(self caller) error {
			m := next(t, self)
			time.Sleep(time.Second)
			return m.Body.Reply(self, 42)
		})
		asker := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			_, err := troupe.Ask(self, full, 1)
			wantErr(t, err, errBoom)
			if a, err := troupe.Ask(context.WithoutCancel(self), server, 1); a != 42 || err != nil {
				t.Errorf("got %d, %v, want 42", a, err)
			}
			return nil
		})
		synctest.Wait()
		asker.PID().Exit(self, errBoom)
		wantReason(t, self, asker.PID(), errBoom)
	})
}

// A dead process's questions end with it, whatever context they were asked with.
func TestG30_AKillEndsADetachedQuestion(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, until[call])
		asker := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			_, err := troupe.Ask(context.WithoutCancel(self), r, 1)
			wantErr(t, err, troupe.ErrKilled)
			return nil
		}, troupe.Grace(-1))
		synctest.Wait()
		asker.PID().Kill(self)
		synctest.Wait()
		if z := self.Node().Len(); z != 2 {
			t.Errorf("%d processes are left, want the root and the callee", z)
		}
	})
}

// keeping spawns a process named x whose name is kept when it ends.
func keeping(self *troupe.Self[none], body func(caller) error, returns bool) troupe.Ref[call] {
	return troupe.Spawn(self, body, troupe.Name("x"), troupe.Monitored(), troupe.KeepName(func(error) bool { return returns }))
}

// askX asks the name x from outside all processes and returns where the outcome
// will be.
func askX(self *troupe.Self[none]) <-chan error {
	outcome := make(chan error, 1)
	ctx := self.Node().Context(context.Background())
	go func() {
		a, err := troupe.Ask(ctx, troupe.Named[call]("x"), 1)
		if err == nil && a != 2 {
			err = errors.New("wrong answer")
		}
		outcome <- err
	}()
	synctest.Wait()
	return outcome
}

func wantWaiting(t *testing.T, outcome <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-outcome:
		t.Errorf("the question did not wait: %v", err)
	default:
	}
}

func TestG30_AskOfARestartingNameWaits(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		old := keeping(self, failing[call](errBoom), true)
		old.Send(self, call{})
		wantEvent(t, self, troupe.Down, old.PID(), errBoom)
		outcome := askX(self)
		wantWaiting(t, outcome)
		wantErr(t, troupe.Named[call]("x").Send(self, call{}), troupe.ErrNoProc) // a send does not wait
		keeping(self, answer, true)
		wantErr(t, <-outcome, nil)
	})
}

// While the old process cleans up, its name already waits for the next.
func TestG30_AskOfANameWhoseProcessIsEnding(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		old := keeping(self, func(self caller) error {
			defer time.Sleep(time.Second)
			return answer(self)
		}, true)
		synctest.Wait()
		old.PID().Exit(self, errBoom)
		outcome := askX(self)
		wantWaiting(t, outcome)
		wantEvent(t, self, troupe.Down, old.PID(), errBoom)
		wantWaiting(t, outcome)
		keeping(self, answer, true)
		wantErr(t, <-outcome, nil)
	})
}

func TestG30_TheWaitForANameEnds(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		old := keeping(self, failing[call](errBoom), true)
		old.Send(self, call{})
		wantEvent(t, self, troupe.Down, old.PID(), errBoom)

		ctx, cancel := context.WithTimeoutCause(self.Node().Context(context.Background()), time.Second, errOther)
		defer cancel()
		_, err := troupe.Ask(ctx, troupe.Named[call]("x"), 1)
		wantErr(t, err, errOther)

		outcome := askX(self)
		self.ReleaseName("y") // another name
		wantWaiting(t, outcome)
		self.ReleaseName("x")
		wantErr(t, <-outcome, troupe.ErrNoProc)
		wantErr(t, <-askX(self), troupe.ErrNoProc)
	})
}

func TestG30_TheWaitEndsWithTheKeeper(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		keeper := troupe.Spawn(self, func(self *troupe.Self[none]) error {
			troupe.Spawn(self, failing[call](errBoom), troupe.Monitored(), troupe.KeepName(func(error) bool { return true }),
				troupe.Name("y")).Send(self, call{})
			next(t, self)
			return until(self)
		}, troupe.Name("k"))
		synctest.Wait()
		outcome := make(chan error, 1)
		ctx := self.Node().Context(context.Background())
		go func() {
			_, err := troupe.Ask(ctx, troupe.Named[call]("k/y"), 1)
			outcome <- err
		}()
		wantWaiting(t, outcome)
		keeper.PID().Kill(self)
		wantErr(t, <-outcome, troupe.ErrNoProc)
	})
}

func TestG30_ANameThatIsNotKeptIsGone(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		old := keeping(self, failing[call](errBoom), false)
		old.Send(self, call{})
		wantEvent(t, self, troupe.Down, old.PID(), errBoom)
		wantErr(t, <-askX(self), troupe.ErrNoProc)
	})
}

// The keeper itself would wait for itself.
func TestG31_TheKeeperAsksTheNameItKeeps(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		old := keeping(self, failing[call](errBoom), true)
		old.Send(self, call{})
		wantEvent(t, self, troupe.Down, old.PID(), errBoom)
		ctx, cancel := context.WithTimeout(self, time.Hour)
		defer cancel()
		if _, err := troupe.Ask(ctx, troupe.Named[call]("x"), 1); err == nil || ctx.Err() != nil {
			t.Errorf("got %v, want an error at once", err)
		}
	})
}

// A logHook calls a function for each line that is logged.
type logHook struct {
	slog.Handler
	f func()
}

func (h logHook) Enabled(context.Context, slog.Level) bool  { return true }
func (h logHook) Handle(context.Context, slog.Record) error { h.f(); return nil }

// The context ends at the instant at which the old holder of the name does.
func TestG30_TheContextEndsWithTheHolder(t *testing.T) {
	for range 50 {
		var cancel atomic.Pointer[context.CancelFunc]
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			old := troupe.Spawn(self, func(self caller) error {
				defer time.Sleep(time.Second)
				return answer(self)
			}, troupe.Name("x"), troupe.KeepName(func(error) bool { return true }))
			synctest.Wait()
			old.PID().Exit(self, errBoom)
			ctx, stop := context.WithCancel(self.Node().Context(context.Background()))
			cancel.Store(&stop) // called when the end of old is logged
			_, err := troupe.Ask(ctx, troupe.Named[call]("x"), 1)
			wantErr(t, err, context.Canceled)
		}, troupe.Logger(slog.New(logHook{slog.DiscardHandler, func() { (*cancel.Load())() }})))
	}
}
