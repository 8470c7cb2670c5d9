package troupe_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

func TestB33(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		slow := troupe.Spawn(self, func(self caller) error {
			for m := range self.Messages() {
				time.Sleep(time.Second)
				m.Body.Reply(self, 1)
			}
			return nil
		})
		for range 5 {
			var beside = make(chan none)
			r := troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], _ troupe.Message[int]) error {
				ctx := context.WithoutCancel(troupe.Beside(self))
				go func() {
					troupe.Ask(ctx, slow, 1)
					close(beside)
				}()
				time.Sleep(time.Millisecond / 2)
				runtime.Goexit()
				return nil
			}), troupe.Monitored())
			r.Send(self, 1)
			wantEvent(t, self, troupe.Down, r.PID(), troupe.ErrGoexit)
			<-beside
		}
		h := troupe.SpawnHandler(self, handle(func(self *troupe.Self[int], _ troupe.Message[int]) error { return troupe.Stop }), troupe.Monitored())
		h.Send(self, 1)
		wantEvent(t, self, troupe.Down, h.PID(), nil)
	})
}

func TestB32(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			time.Sleep(time.Minute)
			wantBodies(t, self, 1)
			return nil
		}, troupe.Bounded(1, troupe.DropOldest))
		r.Send(self, 1)
		z := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			<-self.Done()
			wantErr(t, r.Send(self, 2), troupe.ErrKilled)
			return nil
		})
		synctest.Wait()
		z.PID().Kill(self)
		wantReason(t, self, r.PID(), nil)
	})
}

func TestB30(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			for i := range 3 {
				self.Ref().Send(self, i+1)
			}
			m := self.ReceiveFunc(func(m troupe.Message[int]) bool {
				if m.Body != 3 {
					return false
				}
				self.Ref().Send(self, 4)
				return true
			}, troupe.After(time.Second))
			if m.Body != 3 {
				t.Error("got", m)
			}
			return nil
		}, troupe.Bounded(3, troupe.DropOldest))
		wantReason(t, self, r.PID(), nil)
	})
}

func TestB31(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			time.Sleep(time.Minute)
			n := 0
			for m := range self.Messages() {
				if m.Event == troupe.Sent {
					n++
				}
				if n == 200 {
					time.Sleep(time.Minute)
				}
				if n == 800 {
					return nil
				}
			}
			return nil
		}, troupe.TrapExits())
		synctest.Wait()
		for i := range 300 {
			if i == 64 {
				r.PID().Exit(self, errBoom)
			}
			r.Send(self, i)
		}
		time.Sleep(time.Second * 90)
		for i := range 500 {
			r.Send(self, i)
		}
		wantReason(t, self, r.PID(), nil)
	})
}

func TestB28(t *testing.T) {
	var book logbook
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.SpawnMonitor(self, func(self *troupe.Self[none]) error {
			troupe.SpawnLink(self, func(self *troupe.Self[none]) error { panic("x") })
			<-self.Done()
			return context.Cause(self)
		})
		next(t, self)
		_ = r
	}, book.option())
	if strings.Contains(book.String(), "while it ended") {
		t.Error(book.String())
	}
}

type hook struct {
	slog.Handler
	f func()
}

func (h hook) Enabled(context.Context, slog.Level) bool { return true }
func (h hook) Handle(ctx context.Context, r slog.Record) error {
	h.f()
	return nil
}

func TestB26(t *testing.T) {
	for range 100 {
		var cancel context.CancelFunc = func() {}
		play(t, func(t *testing.T, self *troupe.Self[none]) {
			old := troupe.Spawn(self, func(self caller) error {
				defer time.Sleep(time.Second)
				return answer(self)
			}, troupe.Name("x"), troupe.KeepName(func(error) bool { return true }))
			synctest.Wait()
			old.PID().Exit(self, errBoom)
			ctx, stop := context.WithCancel(self)
			cancel = stop
			asker := troupe.Spawn(ctx, func(self *troupe.Self[none]) error {
				ctx := troupe.Beside(ctx)
				_, err := troupe.Ask(ctx, troupe.Named[call]("x"), 1)
				wantErr(t, err, context.Canceled)
				return nil
			})
			wantReason(t, self, asker.PID(), nil)
		}, troupe.Logger(slog.New(hook{slog.DiscardHandler, func() { cancel() }})))
	}
}

func TestB27(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		var returned atomic.Bool
		old := troupe.Spawn(self, failing[call](errBoom), troupe.Name("x"), troupe.Monitored(), troupe.KeepName(func(error) bool { return true }))
		old.Send(self, call{})
		next(t, self)
		ctx, stop := context.WithTimeout(self, time.Hour)
		defer stop()
		_, err := troupe.Ask(ctx, troupe.Named[call]("x"), 1)
		if err == nil || ctx.Err() != nil {
			t.Error(err)
		}
		_ = returned
	})
}
