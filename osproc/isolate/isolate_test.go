//go:build unix

package isolate_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// echo sends back what it gets, with the number of its OS process.
var echo = isolate.Register("echo", func(self *troupe.Self[string], prefix string) error {
	for m := range self.Messages() {
		if m.Body == "pid" {
			m.Body = fmt.Sprint(os.Getpid())
		}
		if err := m.Reply(self, prefix+m.Body); err != nil {
			return err
		}
	}
	return nil
})

func TestMessagesGoThereAndBack(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		ref := troupe.Spawn(self, isolate.Body(echo, "> "))
		for i := range 1000 {
			if err := ref.Send(self, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1000 {
			if m := next(t, self); m.Body != fmt.Sprint("> ", i) || m.From != ref.PID() {
				t.Fatalf("message %d is %v", i, m)
			}
		}
		if err := ref.Send(self, "pid"); err != nil {
			t.Fatal(err)
		}
		if m := next(t, self); m.Body == fmt.Sprint("> ", os.Getpid()) {
			t.Error("it runs in this OS process")
		}
	})
}

type sum = troupe.Call[[]int, int]

// adder adds up, in handler style.
type adder struct{ more int }

func (a adder) Handle(self *troupe.Self[sum], m troupe.Message[sum]) error {
	total := a.more
	for _, n := range m.Body.Request {
		if n < 0 {
			return m.Body.Fail(self, fmt.Errorf("negative: %w", os.ErrInvalid))
		}
		total += n
	}
	if total == 13 {
		return errors.New("bad luck")
	}
	return m.Body.Reply(self, total)
}

var adding = isolate.RegisterHandler("adder", func(more int) troupe.Handler[sum] { return adder{more} })

func TestG30_Asking(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		ref := isolate.Spawn(self, adding, 100)
		for i := range 100 {
			if n, err := troupe.Ask(self, ref, []int{i, 1}); err != nil || n != 101+i {
				t.Fatal(n, err)
			}
		}
		if _, err := troupe.Ask(self, ref, []int{-1}); !errors.Is(err, os.ErrInvalid) || !strings.Contains(err.Error(), "negative") {
			t.Errorf("a failed call: %v", err)
		}
		if _, err := troupe.Ask(self, ref, []int{-87}); err == nil {
			t.Error("negative numbers were added")
		}
		if _, err := troupe.Ask(self, isolate.Spawn(self, adding, 10), []int{3}); err == nil || err.Error() != "bad luck" {
			t.Errorf("the callee's end: %v", err)
		}
	})
}

// ender ends as it is told to.
var ender = isolate.Register("ender", func(self *troupe.Self[string], how string) error {
	if how == "" {
		how = self.Receive().Body
	}
	switch how {
	case "normal":
		return nil
	case "stop":
		return troupe.Stop
	case "shutdown":
		return fmt.Errorf("because: %w", troupe.ErrShutdown)
	case "panic":
		panic("at the disco")
	case "exit":
		os.Exit(3)
	case "segv":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		select {}
	case "sigkill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "goroutine":
		go func() { panic("on a goroutine of its own") }()
		select {}
	case "wait":
		<-self.Done()
		return nil
	case "deaf":
		select {}
	}
	return errors.New(how)
})

func TestG10_Reasons(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		end := func(how string) error {
			return reason(t, self, isolate.Spawn(self, ender, how).PID())
		}
		for _, how := range []string{"normal", "stop"} {
			if err := end(how); err != nil {
				t.Errorf("%s: %v", how, err)
			}
		}
		wantErr(t, end("shutdown"), troupe.ErrShutdown)
		if err := end("something else"); err == nil || err.Error() != "something else" {
			t.Errorf("got %v", err)
		}
		var p *troupe.PanicError
		if err := end("panic"); !errors.As(err, &p) || p.Value != "at the disco" || !strings.Contains(string(p.Stack), "isolate_test.") {
			t.Errorf("panic: %v", err)
		}
		var x *osproc.ExitError
		if err := end("exit"); !errors.As(err, &x) || x.Status.Code != 3 {
			t.Errorf("exit: %v", err)
		}
		if err := end("sigkill"); !errors.As(err, &x) || x.Status.Signal != syscall.SIGKILL || errors.Is(err, troupe.ErrKilled) {
			t.Errorf("sigkill: %v", err)
		}
		if err := end("goroutine"); !errors.As(err, &x) || !strings.Contains(x.Crash, "on a goroutine of its own") {
			t.Errorf("goroutine: %v", err)
		}
	})
}

func TestG12_Kill(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		self.TrapExit(true)
		ref := troupe.SpawnLink(self, isolate.Body(ender, "deaf"))
		if err := ref.PID().Kill(self); err != nil {
			t.Fatal(err)
		}
		if m := next(t, self); m.Event != troupe.Exit || m.From != ref.PID() || m.Reason != troupe.ErrKilled {
			t.Errorf("got %v", m)
		}
		wantErr(t, ref.Send(self, "x"), troupe.ErrNoProc)
		wantErr(t, ref.PID().Kill(self), troupe.ErrNoProc)
	})
}
