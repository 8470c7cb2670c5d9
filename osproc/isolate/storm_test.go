//go:build unix

package isolate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
	"github.com/troupe-go/troupe/supervisor"
)

// torrent sends its process id and then numbers, for ever.
var torrent = isolate.Register("torrent", func(self *troupe.Self[troupe.None], to troupe.Ref[int]) error {
	if err := to.Send(self, os.Getpid()); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := to.Send(self, i); err != nil {
			return err
		}
	}
})

// pause waits for a random time, to be anywhere in what goes on.
func pause(most time.Duration) {
	<-time.After(rand.N(most))
}

func TestG02_StormOfKills(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for round := range rounds(150) {
			ref := isolate.Spawn(self, torrent, self.Ref())
			self.Monitor(ref.PID())
			inside := round%3 == 0
			if !inside {
				go func() {
					pause(6 * time.Millisecond)
					_ = ref.PID().Kill(self)
				}()
			}
			want := -1
			for m := next(t, self); m.Event != troupe.Down; m = next(t, self) {
				if m.From != ref.PID() || want >= 0 && m.Body != want {
					t.Fatalf("round %d: got %v, want %d", round, m, want)
				}
				if want++; want == 0 && inside {
					pid := m.Body
					go func() {
						pause(time.Millisecond)
						_ = syscall.Kill(pid, syscall.SIGKILL)
					}()
				}
			}
			err := reason(t, self, ref.PID())
			var x *osproc.ExitError
			if !inside && !errors.Is(err, troupe.ErrKilled) || inside && (!errors.As(err, &x) || x.Status.Signal != syscall.SIGKILL) {
				t.Fatalf("round %d: ended with %v", round, err)
			}
			if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
				t.Fatalf("round %d: %v came after the news of its sender's end", round, m)
			}
		}
	})
}

// repeater passes on what it gets, through the parent.
var repeater = isolate.Register("repeater", func(self *troupe.Self[int], to troupe.Ref[int]) error {
	var source troupe.PID
	for m := range self.Messages() {
		if m.Event == troupe.Down {
			return to.Send(self, -2)
		}
		if source == (troupe.PID{}) {
			source = m.From
			self.Monitor(source)
			m.Body = -1 // it was a process id
		}
		if err := to.Send(self, m.Body); err != nil {
			return err
		}
	}
	return nil
})

func TestG02_StormBetweenSisters(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for round := range rounds(40) {
			second := isolate.Spawn(self, repeater, self.Ref())
			self.Monitor(second.PID())
			first := isolate.Spawn(self, torrent, second)
			want := -1
			for m := next(t, self); m.Event != troupe.Down; m = next(t, self) {
				if m.Body == -2 {
					want = -2
					continue
				}
				if m.Body != want {
					t.Fatalf("round %d: got %v, want %d", round, m, want)
				}
				if want++; want == 1 {
					go func() {
						pause(3 * time.Millisecond)
						_ = first.PID().Kill(self)
					}()
				}
			}
			if want != -2 {
				t.Fatalf("round %d: the second ended with %v before it heard that the first had", round, reason(t, self, second.PID()))
			}
		}
	})
}

func TestG30_StormOfQuestions(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for round := range rounds(150) {
			ref := isolate.Spawn(self, asked, troupe.None{})
			go func() {
				pause(6 * time.Millisecond)
				_ = ref.PID().Kill(self)
			}()
			for {
				answer, err := troupe.Ask(self, ref, [64]byte{byte(round)}, troupe.After(long))
				if errors.Is(err, troupe.ErrKilled) || errors.Is(err, troupe.ErrNoProc) {
					break
				}
				if err != nil || answer[0] != byte(round) {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			wantErr(t, reason(t, self, ref.PID()), troupe.ErrKilled) // the question may have learned of it first
		}
		if n := len(self.Node().Processes()); n != 1 {
			t.Errorf("%d processes are left", n)
		}
	})
}

func TestG16_StormOfStarts(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		self.TrapExit(true)
		for round := range rounds(150) {
			ref := troupe.SpawnLink(self, isolate.Body(ender, ""))
			switch round % 4 {
			case 0:
				_ = ref.PID().Kill(self)
			case 1:
				_ = ref.PID().Exit(self, errPlanned)
			case 2:
				pause(5 * time.Millisecond)
				_ = ref.PID().Kill(self)
			case 3:
				pause(5 * time.Millisecond)
				_ = ref.Send(self, "x")
				_ = ref.PID().Exit(self, errPlanned)
			}
			m := next(t, self)
			if m.Event != troupe.Exit || m.From != ref.PID() {
				t.Fatalf("round %d: %v", round, m)
			}
			if !errors.Is(m.Reason, troupe.ErrKilled) && m.Reason.Error() != "as planned" && m.Reason.Error() != "x" {
				t.Fatalf("round %d: %v", round, m.Reason)
			}
		}
	})
}

// worker says who it is, and answers until it is killed.
var worker = isolate.Register("worker", func(self *troupe.Self[troupe.Call[int, int]], to troupe.Ref[string]) error {
	if err := to.Send(self, strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	self.Ready()
	for m := range self.Messages() {
		if err := m.Body.Reply(self, 2*m.Body.Request); err != nil && !errors.Is(err, troupe.ErrNobodyWaits) {
			return err
		}
	}
	return nil
})

func TestG45_SupervisedAndKilled(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		spec := supervisor.Spec{
			Strategy: supervisor.OneForAll, Intensity: 1 << 20,
			Children: []supervisor.Child{
				{Name: "a", Body: isolate.Child(worker, self.Ref()).AwaitReady()},
				{Name: "b", Body: isolate.Child(worker, self.Ref())},
			},
		}
		sup := spec.Body().Spawn(self, troupe.Name("sup"))
		kills := rounds(40)
		for range kills {
			var pids []int
			for range 2 {
				pid, err := strconv.Atoi(next(t, self).Body)
				if err != nil {
					t.Fatal(err)
				}
				pids = append(pids, pid)
			}
			n, err := troupe.Ask(self, troupe.Named[troupe.Call[int, int]]("sup/a"), 21, troupe.After(long))
			if n != 42 || err != nil {
				t.Fatal(n, err)
			}
			if err := syscall.Kill(pids[rand.IntN(2)], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		wantErr(t, sup.Shutdown(self, long), troupe.ErrShutdown)
	})
}

// TestG30_StormOfNames kills what is asked by its name, under a supervisor: a question
// ends with the answer or with the reason of the end, and the next finds the successor.
func TestG30_StormOfNames(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		spec := supervisor.Spec{Intensity: 1 << 20, Children: []supervisor.Child{{Name: "w", Body: isolate.Child(worker, self.Ref())}}}
		sup := spec.Body().Spawn(self, troupe.Name("sup"))
		for round := range rounds(60) {
			pid, err := strconv.Atoi(next(t, self).Body)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				pause(3 * time.Millisecond)
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}()
			for killed := false; ; {
				n, err := troupe.Ask(self, troupe.Named[troupe.Call[int, int]]("sup/w"), round, troupe.After(long))
				var x *osproc.ExitError
				switch {
				case n == 2*round && err == nil && !killed:
					continue
				case !killed && errors.As(err, &x) && x.PID == pid:
					killed = true
					continue
				case n != 2*round || err != nil:
					t.Fatalf("round %d: got %d, %v", round, n, err)
				}
				break
			}
		}
		wantErr(t, sup.Shutdown(self, long), troupe.ErrShutdown)
	})
}

// family starts children of its own and says who they are.
var family = isolate.Register("family", func(self *troupe.Self[troupe.None], to troupe.Ref[int]) error {
	for range 2 {
		isolate.Spawn(self, torrent, to)
	}
	<-self.Done()
	return nil
})

func TestG60_GrandchildrenDieToo(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		for range rounds(15) {
			ref := isolate.Spawn(self, family, self.Ref())
			pids := map[troupe.PID]int{}
			for len(pids) < 2 {
				m := next(t, self)
				if _, known := pids[m.From]; !known {
					pids[m.From] = m.Body
					self.Monitor(m.From)
				}
			}
			_ = ref.PID().Kill(self)
			for n := 0; n < 2; {
				if m := next(t, self); m.Event == troupe.Down {
					wantErr(t, m.Reason, troupe.ErrKilled)
					n++
				}
			}
			for _, pid := range pids {
				for dead := false; !dead; {
					dead = !running(pid)
				}
			}
		}
	})
}

// running reports that there is a process that is not a zombie.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !slices.Contains([]byte{'Z', 'X'}, b[1+slices.Index(b, ')')+1])
}
