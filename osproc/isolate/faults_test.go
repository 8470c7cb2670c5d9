//go:build linux

package isolate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// A pipe that a whole family has open ends when the last of them is gone.
type pipe struct{ r, w *os.File }

func newPipe(t testing.TB) pipe {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return pipe{r, w}
}

// wantEnd waits until nobody has the other end, and returns what they wrote.
func (p pipe) wantEnd(t testing.TB) string {
	t.Helper()
	p.w.Close()
	_ = p.r.SetReadDeadline(time.Now().Add(long))
	var all []byte
	b := make([]byte, 4096)
	for {
		n, err := p.r.Read(b)
		all = append(all, b[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("somebody lives on")
		}
		if err != nil {
			return string(all)
		}
	}
}

// A tree is a family of processes.
type tree struct {
	Depth, Width int
	Open         *os.File // in all of them
}

// growing starts a tree below itself, says that it is there, and stays.
var growing = isolate.Register("growing", func(self *troupe.Self[troupe.None], t tree) error {
	if t.Depth > 0 {
		below := tree{t.Depth - 1, t.Width, t.Open}
		for range t.Width {
			isolate.Spawn(self, isolate.KindOf[troupe.None, tree]("growing"), below)
		}
	}
	if _, err := fmt.Fprintln(t.Open, "up"); err != nil {
		return err
	}
	select {} // it does not listen
})

func TestG60_FamilyKilledAtAnyTime(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for range rounds(40) {
			p := newPipe(t)
			ref := isolate.Spawn(self, growing, tree{Depth: 1, Width: 3, Open: p.w})
			pause(15 * time.Millisecond)
			_ = ref.PID().Kill(self)
			wantErr(t, reason(t, self, ref.PID()), troupe.ErrKilled)
			p.wantEnd(t)
			p.r.Close()
		}
	})
}

func init() { scenarios["parent"] = parent }

// parent is a program with children that do not listen; descriptor 3 is for all of them.
func parent() {
	open := os.NewFile(3, "pipe")
	_ = troupe.Run(context.Background(), func(self *troupe.Self[troupe.None]) error {
		for range 2 {
			isolate.Spawn(self, growing, tree{Depth: 1, Width: 1, Open: open})
		}
		isolate.Spawn(self, asked, troupe.None{})
		<-self.Done()
		return nil
	})
}

// TestG60_ParentKilled kills a program with SIGKILL, at first when its children are up,
// and then at any time.
func TestG60_ParentKilled(t *testing.T) {
	nothingLeft(t)
	for round := range rounds(30) {
		p := newPipe(t)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), scenarioVariable+"=parent")
		cmd.ExtraFiles = []*os.File{p.w}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if round < 5 {
			b := make([]byte, len("up\n"))
			for range 4 {
				if _, err := p.r.Read(b); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			pause(30 * time.Millisecond)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		p.wantEnd(t)
		p.r.Close()
	}
}

// TestG11_StormOfLinks kills one of a chain of linked processes: this one, which traps
// exits, and two in OS processes of their own.
func TestG11_StormOfLinks(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		self.TrapExit(true)
		for round := range rounds(60) {
			c := newCast(t, self, 2)
			a, b := c.agents[0], c.agents[1]
			self.Link(a.PID())
			c.tell(a, order{Do: "link", PID: b.PID()})
			switch round % 3 {
			case 0: // when all is done
				c.tell(a, order{Do: "say", Text: "linked"})
				c.want("linked")
			case 1:
				pause(5 * time.Millisecond)
			}
			_ = b.PID().Kill(self)
			m := next(t, self)
			if m.Event != troupe.Exit || m.From != a.PID() {
				t.Fatalf("round %d: %v", round, m)
			}
			if !errors.Is(m.Reason, troupe.ErrKilled) && !errors.Is(m.Reason, troupe.ErrNoProc) {
				t.Fatalf("round %d: ended with %v", round, m.Reason)
			}
			wantErr(t, reason(t, self, b.PID()), troupe.ErrKilled)
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Fatalf("round %d: one link was felt twice: %v", round, m)
			}
		}
	})
}

// TestG15_StormOfMonitors kills the watcher, the watched, or both.
func TestG15_StormOfMonitors(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		for round := range rounds(60) {
			c := newCast(t, self, 2)
			a, b := c.agents[0], c.agents[1]
			for range 2 {
				self.Monitor(a.PID())
			}
			c.tell(b, order{Do: "monitor", PID: a.PID()})
			pause(5 * time.Millisecond)
			if round%2 == 0 {
				_ = b.PID().Kill(self)
			}
			_ = a.PID().Kill(self)
			downs, told := 0, 0
			for downs < 2 || round%2 == 1 && told < 1 {
				switch m := next(t, self); {
				case m.Event == troupe.Down && m.From == a.PID() && errors.Is(m.Reason, troupe.ErrKilled):
					downs++
				case m.From == b.PID() && strings.HasPrefix(m.Body, "down: "):
					told++
				default:
					t.Fatalf("round %d: %v", round, m)
				}
			}
			_ = b.PID().Kill(self)
			wantErr(t, reason(t, self, b.PID()), troupe.ErrKilled)
			for m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout; m = self.Receive(troupe.After(0)) {
				if told++; m.From != b.PID() || told > 1 {
					t.Fatalf("round %d: %v", round, m)
				}
			}
		}
	})
}

// holder takes a name, and gives it back, for ever.
var holder = isolate.Register("holder", func(self *troupe.Self[troupe.None], to troupe.Ref[int]) error {
	if err := to.Send(self, os.Getpid()); err != nil {
		return err
	}
	for {
		if err := self.Register("contested"); err != nil {
			return err
		}
		self.Unregister("contested")
	}
})

func TestG05_StormOfNames(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for round := range rounds(60) {
			ref := isolate.Spawn(self, holder, self.Ref())
			self.Monitor(ref.PID())
			pid := next(t, self).Body
			pause(2 * time.Millisecond)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			m := next(t, self)
			var x *osproc.ExitError
			if m.Event != troupe.Down || !errors.As(m.Reason, &x) {
				t.Fatalf("round %d: %v", round, m)
			}
			if err := self.Register("contested"); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			self.Unregister("contested")
		}
	})
}

// deafened does not end when it is told to, nor does its OS process.
var deafened = isolate.Register("deafened", func(self *troupe.Self[troupe.None], open *os.File) error {
	_, _ = fmt.Fprintln(open, "up")
	for n := 0; ; n++ {
		computed.Store(n)
	}
})

var computed atomic.Value

func TestG12_WhoDoesNotEndIsKilled(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		p := newPipe(t)
		ref := isolate.Spawn(self, deafened, p.w, troupe.Grace(20*time.Millisecond))
		_, _ = p.r.Read(make([]byte, 3))
		wantErr(t, ref.PID().Shutdown(self, long), troupe.ErrShutdown)
		p.wantEnd(t)
	})
}

// TestDescriptorsRunOut has starts fail for a reason that can be read, whatever they lack
// a descriptor for, and leave nothing open.
func TestDescriptorsRunOut(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		start := func() error { return reason(t, self, isolate.Spawn(self, ender, "normal").PID()) }
		wantErr(t, start(), nil)
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		restore := func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) }
		defer restore()
		failed := 0
		for spare := range 16 {
			few := syscall.Rlimit{Cur: uint64(openFiles() - 1 + spare), Max: limit.Max}
			if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
				t.Fatal(err)
			}
			err := start()
			restore()
			if err != nil {
				failed++
				if !strings.Contains(err.Error(), "could not be started") || !errors.Is(err, syscall.EMFILE) {
					t.Errorf("%d more: ended with %v", spare, err)
				}
			}
		}
		if failed == 0 {
			t.Error("all could be started")
		}
		wantErr(t, start(), nil)
	})
}
