//go:build unix

package isolate_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
	"github.com/troupe-go/troupe/supervisor"
)

func shell(script string) *osproc.Cmd { return osproc.Command("sh", "-c", script) }

// to sends lines to ref.
func to(ref troupe.Ref[string]) func(context.Context, isolate.Line) error {
	return func(ctx context.Context, l isolate.Line) error {
		text := l.Text
		if l.Stderr {
			text = "stderr: " + text
		}
		return ref.Send(ctx, text)
	}
}

func TestLinesAreMessages(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := &cast{t: t, self: self}
		ref := troupe.SpawnMonitor(self, isolate.Command(shell(`while read line; do echo "got $line"; done; echo bye; echo oops >&2; exit 7`), to(self.Ref())))
		for i := range 100 {
			if err := ref.Send(self, isolate.Input{Line: strconv.Itoa(i)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			if m := c.want(fmt.Sprint("got ", i)); m.From != ref.PID() {
				t.Errorf("from %v", m.From)
			}
		}
		_ = ref.Send(self, isolate.Input{Close: true})
		got := []string{next(t, self).Body, next(t, self).Body}
		if got[0] != "bye" && got[1] != "bye" || got[0] != "stderr: oops" && got[1] != "stderr: oops" {
			t.Errorf("got %q", got)
		}
		m := next(t, self)
		var x *osproc.ExitError
		if m.Event != troupe.Down || !errors.As(m.Reason, &x) || x.Status.Code != 7 {
			t.Errorf("got %v", m)
		}
	})
}

func TestProgramsEnd(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := &cast{t: t, self: self}
		run := func(script string) troupe.PID {
			ref := troupe.Spawn(self, isolate.Command(shell("echo up; "+script), to(self.Ref())))
			c.want("up")
			return ref.PID()
		}
		if err := reason(t, self, run("exit 0")); err != nil {
			t.Errorf("exit 0: %v", err)
		}
		wantErr(t, run("sleep 100").Shutdown(self, long), troupe.ErrShutdown)

		pid := run(`trap "" TERM; echo $$; while true; do sleep 0.01; done`)
		number, err := strconv.Atoi(next(t, self).Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := pid.Kill(self); err != nil {
			t.Fatal(err)
		}
		wantErr(t, reason(t, self, pid), troupe.ErrKilled)
		for running(number) {
		}

		var x *osproc.ExitError
		if err := reason(t, self, run("kill -SEGV $$")); !errors.As(err, &x) || x.Status.Signal != syscall.SIGSEGV {
			t.Errorf("segv: %v", err)
		}
		failing := troupe.Spawn(self, isolate.Command(shell("echo x; sleep 100"), func(context.Context, isolate.Line) error { return errPlanned }))
		wantErr(t, reason(t, self, failing.PID()), errPlanned)
		missing := troupe.Spawn(self, isolate.Command(osproc.Command("no-such-program"), nil))
		if err := reason(t, self, missing.PID()); err == nil {
			t.Error("a program that is not there ended normally")
		}
	})
}

func TestG45_ProgramsUnderASupervisor(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		spec := supervisor.Spec{Intensity: 1 << 20, Children: []supervisor.Child{{
			Name: "program", Body: troupe.Function(isolate.Command(shell("echo $$; read x; exit 1"), to(self.Ref()))),
		}}}
		sup := spec.Body().Spawn(self, troupe.Name("sup"))
		for range 20 {
			number, err := strconv.Atoi(next(t, self).Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = syscall.Kill(number, syscall.SIGKILL)
		}
		next(t, self)
		wantErr(t, sup.Shutdown(self, long), troupe.ErrShutdown)
	})
}
