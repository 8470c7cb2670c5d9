//go:build unix

package isolate_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
)

func TestMain(m *testing.M) {
	if os.Getenv(bareVariable) != "" {
		serveBare()
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // of the children, which come and go
	osproc.Main()
	if scenario := scenarios[os.Getenv(scenarioVariable)]; scenario != nil {
		scenario()
		return
	}
	if r, w, err := os.Pipe(); err == nil { // the runtime's poller keeps two descriptors from its first use on
		r.Close()
		w.Close()
	}
	m.Run()
}

// scenarios are what the test program does, instead of tests, when it is started with a
// name in its environment.
var scenarios = make(map[string]func())

const scenarioVariable = "ISOLATE_TEST_SCENARIO"

// rounds is how often a storm rages: as often as it says, or by TROUPE_SOAK more often.
func rounds(n int) int {
	if soak, err := strconv.Atoi(os.Getenv("TROUPE_SOAK")); err == nil {
		return n * soak
	}
	return n
}

// stage runs body as the root of a node, and sees to it that nothing is left of that.
func stage[M any](t testing.TB, body func(self *troupe.Self[M])) {
	t.Helper()
	if _, test := t.(*testing.T); test {
		nothingLeft(t)
	}
	err := troupe.Run(t.Context(), func(self *troupe.Self[M]) error {
		body(self)
		return nil
	}, troupe.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

// nothingLeft fails the test if there are more goroutines, descriptors or children at its
// end than there were when nothingLeft was called.
func nothingLeft(t testing.TB) {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
		eventually(t, "no descriptor is left", func() bool { return openFiles() <= files })
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
			t.Errorf("a child is left: %d, %v", pid, err)
		}
	})
}

// openFiles counts this process's descriptors, or returns 0 where it cannot.
func openFiles() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}

// eventually waits until ok, which nothing tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(long)
	for tick := time.Millisecond; !ok(); <-time.After(tick) {
		if time.Now().After(end) {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			t.Fatalf("not after %v: %s", long, what)
		}
	}
}

const long = 20 * time.Second

// next receives, and ends the test if nothing comes.
func next[M any](t testing.TB, self *troupe.Self[M]) troupe.Message[M] {
	t.Helper()
	m := self.Receive(troupe.After(long))
	if m.Event == troupe.Timeout {
		t.Fatal("no message came")
	}
	return m
}

// reason waits for the end of pid.
func reason(t testing.TB, ctx context.Context, pid troupe.PID) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	err := pid.Wait(ctx)
	if ctx.Err() != nil {
		t.Fatalf("%v has not ended", pid)
	}
	return err
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}
