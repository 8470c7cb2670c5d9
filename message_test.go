package troupe_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

// How messages, PIDs and errors print.

func TestMessage_String(t *testing.T) {
	type point struct{ X, Y int }
	for _, c := range []struct{ m, want any }{
		{troupe.Message[string]{Body: "pong"}, `"pong" from nobody`},
		{troupe.Message[any]{Body: "pong"}, `"pong" from nobody`},
		{troupe.Message[int]{Body: 7}, `7 from nobody`},
		{troupe.Message[any]{}, `<nil> from nobody`},
		{troupe.Message[point]{Body: point{1, 2}}, `{X:1 Y:2} from nobody`},
		{troupe.Message[int]{Event: troupe.Timeout}, `timeout`},
		{troupe.Message[int]{Event: troupe.NodeDown}, `node down`},
		{troupe.Message[int]{Event: troupe.Down, Reason: errBoom}, `nobody is down: boom`},
		{troupe.Message[int]{Event: troupe.Down}, `nobody is down: normal`},
		{troupe.Message[int]{Event: troupe.Down, Reason: troupe.Stop}, `nobody is down: normal`},
		{troupe.Message[int]{Event: troupe.Down, Reason: troupe.ErrKilled}, `nobody is down: killed`},
		{troupe.Message[int]{Event: troupe.Exit, Reason: troupe.ErrShutdown}, `exit from nobody: shutdown`},
		{troupe.Message[int]{Event: troupe.Exit, Reason: &troupe.PanicError{Value: 7}}, `exit from nobody: panic: 7`},
		{troupe.Event(99), `event 99`},
		{troupe.Sent, `sent`}, {troupe.Down, `down`}, {troupe.Exit, `exit`},
	} {
		if got := fmt.Sprint(c.m); got != c.want {
			t.Errorf("printed %q, want %q", got, c.want)
		}
	}
}

// pingPong and play are those of the sample.
func pingPong(self *troupe.Self[string]) error {
	for m := range self.Messages(troupe.After(10 * time.Second)) {
		switch {
		case m.Event == troupe.Timeout:
			return nil
		case m.Body == "ping":
			m.Reply(self, "pong")
		default:
			return errors.New("invalid message body")
		}
	}
	return nil
}

func TestMessage_PrintsAsInTheSample(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[string]) {
		var lines []string
		p := troupe.SpawnMonitor(self, pingPong)
		p.Send(self, "ping")
		lines = append(lines, self.Receive().String())
		p.Send(self, "pang")
		lines = append(lines, self.Receive().String(), p.Send(self, "ping").Error())
		q := troupe.SpawnMonitor(self, pingPong)
		lines = append(lines, self.Receive().String()) // after ten seconds
		for i, want := range []string{
			`"pong" from <pingPong.2>`,
			`<pingPong.2> is down: invalid message body`,
			`troupe: no such process`,
			`<pingPong.3> is down: normal`,
		} {
			if lines[i] != want {
				t.Errorf("line %d is %s, want %s", i, lines[i], want)
			}
		}
		if q.String() != q.PID().String() {
			t.Errorf("the Ref prints %v, its PID %v", q, q.PID())
		}
	})
}

type counter struct{}

func (*counter) Handle(*troupe.Self[int], troupe.Message[int]) error { return nil }

func (*counter) body(*troupe.Self[int]) error { return nil }

func generic[M any](*troupe.Self[M]) error { return nil }

func handled(*troupe.Self[int], troupe.Message[int]) error { return nil }

func TestPID_String(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		for _, c := range []struct {
			pid  fmt.Stringer
			want string
		}{
			{troupe.Spawn(self, pingPong), `<pingPong\.\d+>`},
			{troupe.Spawn(self, pingPong, troupe.Name("cart")), `<cart\.\d+>`},
			{troupe.Spawn(self, new(counter).body), `<counter\.body\.\d+>`},
			{troupe.Spawn(self, generic[int]), `<generic\.\d+>`},
			{troupe.SpawnHandler(self, troupe.Handler[int](new(counter))), `<counter\.\d+>`},
			{troupe.SpawnHandler(self, handle(handled)), `<handled\.\d+>`},
			{troupe.SpawnHandler(self, troupe.Handler[int](parts[int]{})), `<parts\.\d+>`},
			{troupe.Service(web).Spawn(self), `<web\.\d+>`},
			{troupe.Function(pingPong).Spawn(self), `<pingPong\.\d+>`},
			{troupe.PID{}, `nobody`},
			{troupe.Ref[int]{}, `nobody`},
			{troupe.Named[int]("shop/cart"), `shop/cart`},
			{troupe.Named[int]("/shop/cart").PID(), `shop/cart`},
		} {
			if !regexp.MustCompile("^" + c.want + "$").MatchString(c.pid.String()) {
				t.Errorf("printed %v, want %s", c.pid, c.want)
			}
		}
	})
}

func TestPID_AndRefsAreComparable(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		r := troupe.Spawn(self, until[int])
		again, err := troupe.RefOf[int](r.PID())
		if again != r || err != nil || again.PID() != r.PID() || r.PID() == self.PID() {
			t.Errorf("RefOf gives %v, %v for %v", again, err, r)
		}
		name := troupe.Named[int]("x")
		if name != troupe.Named[int]("/x") || name.PID() != troupe.Named[string]("x").PID() || name == troupe.Named[int]("y") {
			t.Error("named addresses do not compare as their names do")
		}
		if back, err := troupe.RefOf[int](name.PID()); back != name || err != nil {
			t.Errorf("RefOf gives %v, %v for a name", back, err)
		}
	})
}

func TestErrWrongType(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[none]) {
		r := troupe.Spawn(self, until[int], troupe.Name("x"))
		errs := make(map[string]error)
		_, errs["RefOf"] = troupe.RefOf[string](r.PID())
		errs["Send"] = troupe.Named[string]("x").Send(self, "1")
		errs["SendUrgent"] = troupe.Named[string]("x").SendUrgent(self, "1")
		errs["Reply"] = troupe.Message[string]{From: r.PID()}.Reply(self, "1")
		_, errs["Ask"] = troupe.Ask(self, troupe.Named[call]("x"), 1)
		for what, err := range errs {
			wantErr(t, err, troupe.ErrWrongType)
			if want := `^troupe: .*<x\.2> does not accept [a-z]`; !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("%s says %q, want %s", what, err, want)
			}
		}
		_, err := troupe.RefOf[string](troupe.PID{})
		wantErr(t, err, troupe.ErrNoProc)
		troupe.Named[string]("x").SendAfter(self, time.Second, "late")
		time.Sleep(time.Minute)
		wantLetters(t, self.Node(), troupe.ErrWrongType, "late")
	})
}

func TestErrors_SayTroupe(t *testing.T) {
	for _, err := range []error{
		troupe.Stop, troupe.ErrKilled, troupe.ErrShutdown, troupe.ErrNoProc, troupe.ErrNoConnection, troupe.ErrMailboxFull,
		troupe.ErrNameTaken, troupe.ErrWrongType, troupe.ErrNobodyWaits, troupe.ErrGoexit, &troupe.DeadlockError{},
	} {
		if !regexp.MustCompile(`^troupe: `).MatchString(err.Error()) {
			t.Errorf("%q does not begin with the package", err)
		}
	}
	if !troupe.IsNormal(nil) || !troupe.IsNormal(fmt.Errorf("x: %w", troupe.Stop)) || troupe.IsNormal(errBoom) ||
		troupe.IsNormal(&troupe.PanicError{Value: troupe.Stop}) || troupe.IsNormal(fmt.Errorf("x: %w", &troupe.PanicError{Value: troupe.Stop})) {
		t.Error("IsNormal is wrong")
	}
	if !errors.Is(&troupe.PanicError{Value: errBoom}, errBoom) {
		t.Error("a PanicError does not unwrap to the error that was its value")
	}
}

// Replies go to whoever sent, also long after and from a goroutine beside.
func TestMessage_Reply(t *testing.T) {
	play(t, func(t *testing.T, self *troupe.Self[int]) {
		r := troupe.Spawn(self, func(self *troupe.Self[int]) error {
			m := next(t, self)
			go func() {
				time.Sleep(time.Hour)
				wantErr(t, m.Reply(self, m.Body+1), nil)
			}()
			return until(self)
		})
		r.Send(self, 1)
		m := self.Receive()
		if m.From != r.PID() || m.Body != 2 {
			t.Errorf("got %v", m)
		}
		r.PID().Kill(self)
		synctest.Wait()
		wantErr(t, m.Reply(self, 1), troupe.ErrNoProc)
	})
}
