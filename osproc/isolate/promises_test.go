//go:build unix

package isolate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// failing ends with the error that it is given, or fails questions with it.
var failing = isolate.Register("failing", func(self *troupe.Self[troupe.Call[troupe.None, int]], err error) error {
	m := self.Receive()
	if m.Event != troupe.Sent {
		return err
	}
	if err := m.Body.Fail(self, err); err != nil {
		return err
	}
	self.Receive()
	return err
})

var errRegistered = errors.New("isolate_test: registered")

var _ = func() int { osproc.RegisterError("isolate_test.errRegistered", errRegistered); return 0 }()

type myError struct{ Code int }

func (e *myError) Error() string { return fmt.Sprint("my error ", e.Code) }

var _ = func() int { isolate.RegisterType[*myError]("isolate_test.myError"); return 0 }()

func TestG10_ErrorsKeepTextAndIdentity(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for _, err := range []error{
			troupe.ErrShutdown, troupe.ErrNoProc, troupe.ErrNoConnection, troupe.ErrMailboxFull, troupe.ErrNameTaken,
			troupe.ErrWrongType, troupe.ErrNobodyWaits, troupe.ErrGoexit, troupe.ErrKilled,
			osproc.ErrKilled, osproc.ErrGoexit, context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
			errRegistered, &myError{404},
		} {
			sent := fmt.Errorf("on the way: %w", errors.Join(err, errors.New("and another")))
			ref := isolate.Spawn(self, failing, sent)
			_, failed := troupe.Ask(self, ref, troupe.None{})
			if e := ref.Send(self, troupe.Call[troupe.None, int]{}); e != nil {
				t.Fatal(e)
			}
			ended := reason(t, self, ref.PID())
			for _, got := range []error{failed, ended} {
				var mine *myError
				if is := errors.Is(got, err) || errors.As(err, &mine) && errors.As(got, &mine) && mine.Code == 404; !is || got.Error() != sent.Error() {
					t.Errorf("sent %q, got %v", sent, got)
				}
			}
		}
	})
}

// slow answers every question but those for 0, which nobody answers.
var slow = isolate.Register("slow", func(self *troupe.Self[troupe.Call[int, int]], _ troupe.None) error {
	for m := range self.Messages() {
		if m.Body.Request == 0 {
			continue
		}
		if err := m.Body.Reply(self, m.Body.Request); err != nil && !errors.Is(err, troupe.ErrNobodyWaits) {
			return err
		}
	}
	return nil
})

func TestG30_GivingUp(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		ref := isolate.Spawn(self, slow, troupe.None{})
		for i := range 30 {
			for n := range 5 { // so that the asker reads for himself
				if got, err := troupe.Ask(self, ref, n+1); got != n+1 || err != nil {
					t.Fatal(got, err)
				}
			}
			var err error
			if i%2 == 0 {
				_, err = troupe.Ask(self, ref, 0, troupe.After(time.Millisecond))
			} else {
				ctx, cancel := context.WithTimeout(self, time.Millisecond)
				_, err = troupe.Ask(ctx, ref, 0)
				cancel()
			}
			wantErr(t, err, context.DeadlineExceeded)
		}
	})
}

// TestG12_AnAskerIsKilled ends one who waits for an answer from elsewhere.
func TestG12_AnAskerIsKilled(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		ref := isolate.Spawn(self, slow, troupe.None{})
		for i := range 30 {
			asker := troupe.Spawn(self, func(self *troupe.Self[troupe.None]) error {
				for n := range 5 {
					if _, err := troupe.Ask(self, ref, n+1); err != nil {
						return err
					}
				}
				_, err := troupe.Ask(self, ref, 0)
				return err
			})
			pause(2 * time.Millisecond)
			if i%2 == 0 {
				_ = asker.PID().Kill(self)
				wantErr(t, reason(t, self, asker.PID()), troupe.ErrKilled)
			} else {
				_ = asker.PID().Exit(self, errPlanned)
				wantErr(t, reason(t, self, asker.PID()), errPlanned)
			}
			if got, err := troupe.Ask(self, ref, 7); got != 7 || err != nil {
				t.Fatal(got, err)
			}
		}
	})
}

// crowd lets processes inside its OS process ask each other, and says when they are done.
var crowd = isolate.Register("crowd", func(self *troupe.Self[troupe.Call[int, int]], to troupe.Ref[int]) error {
	callee := troupe.Spawn(self, func(self *troupe.Self[troupe.Call[int, int]]) error {
		for m := range self.Messages() {
			if err := m.Body.Reply(self, m.Body.Request); err != nil {
				return err
			}
		}
		return nil
	})
	for range 3 {
		troupe.Spawn(self, func(self *troupe.Self[int]) error {
			for n := range 500 {
				if got, err := troupe.Ask(self, callee, n); got != n || err != nil {
					return fmt.Errorf("got %d, %w", got, err)
				}
			}
			return to.Send(self, 1)
		})
	}
	for m := range self.Messages() {
		if err := m.Body.Reply(self, m.Body.Request); err != nil {
			return err
		}
	}
	return nil
})

// TestG30_CrowdInAChild has the process that reads the link be woken by its neighbours all
// the time.
func TestG30_CrowdInAChild(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		ref := isolate.Spawn(self, crowd, self.Ref())
		for n := range 500 {
			if got, err := troupe.Ask(self, ref, n); got != n || err != nil {
				t.Fatal(got, err)
			}
		}
		for range 3 {
			next(t, self)
		}
	})
}

func TestSendRefusesWhatCannotTravel(t *testing.T) {
	type secret struct{}
	stage(t, func(self *troupe.Self[any]) {
		ref := isolate.Spawn(self, anyArgument, any(nil))
		if err := ref.Send(self, "here"); err != nil {
			t.Fatal(err)
		}
		next(t, self) // it runs
		for what, body := range map[string]any{"not registered": secret{}, "secret": []any{1, secret{}}} {
			err := ref.Send(self, body)
			if err == nil || !strings.Contains(err.Error(), what) || !strings.HasPrefix(err.Error(), "troupe: ") {
				t.Errorf("sent %#v: %v", body, err)
			}
		}
		if err := ref.Send(self, "still here"); err != nil {
			t.Fatal(err)
		}
		if m := next(t, self); m.Body != "still here" {
			t.Errorf("got %v", m)
		}
	})
}

// TestG30_AQuestionThatCannotTravel is about questions that come before the process has
// begun to move, and after.
func TestG30_AQuestionThatCannotTravel(t *testing.T) {
	type secret struct{ troupe.Call[troupe.None, int] }
	stage(t, func(self *troupe.Self[any]) {
		for range 20 {
			ref := isolate.Spawn(self, anyArgument, any(nil))
			for range 3 {
				_, err := troupe.AskWith(self, ref, func(c troupe.Call[troupe.None, int]) any { return secret{c} }, troupe.None{})
				if err == nil || !strings.Contains(err.Error(), "not registered") {
					t.Fatalf("got %v", err)
				}
			}
		}
	})
}

// halfKnown can be encoded here, and not be decoded in a child.
type halfKnown struct{ troupe.Call[troupe.None, int] }

func TestG30_AQuestionThatIsNotUnderstood(t *testing.T) {
	isolate.RegisterType[halfKnown]("isolate_test.halfKnown") // a child does not come here
	stage(t, func(self *troupe.Self[any]) {
		ref := isolate.Spawn(self, anyArgument.With(osproc.Config{Stderr: osproc.Discard()}), any(nil))
		for range 3 {
			_, err := troupe.AskWith(self, ref, func(c troupe.Call[troupe.None, int]) any { return halfKnown{c} }, troupe.None{})
			if err == nil || !strings.Contains(err.Error(), "isolate_test.halfKnown") {
				t.Fatalf("got %v", err)
			}
		}
	})
}

// TestG01_OrderOfAll has bodies, links and exits of one process arrive in their order.
func TestG01_OrderOfAll(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 1)
		a := c.agents[0]
		c.tell(a, order{Do: "trap"})
		c.tell(a, order{Do: "say", Text: "trapping"})
		c.want("trapping")
		var want []string
		for i := range 200 {
			text := fmt.Sprint("body ", i)
			c.tell(a, order{Do: "say", Text: text})
			reason := fmt.Errorf("exit %d", i)
			if err := a.PID().Exit(self, reason); err != nil {
				t.Fatal(err)
			}
			want = append(want, text, "exit: "+reason.Error())
		}
		var got []string
		for range want {
			got = append(got, next(t, self).Body)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %q", got)
		}
	})
}
