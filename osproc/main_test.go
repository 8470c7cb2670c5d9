//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

func TestMain(m *testing.M) {
	osproc.Main()
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // of the children, which come and go
	if scenario := scenarios[os.Getenv("OSPROC_TEST_SCENARIO")]; scenario != nil {
		scenario()
		return
	}
	m.Run()
}

// scenarios are what the test program does, instead of tests, when it is started with a name
// in its environment.
var scenarios = make(map[string]func())

// soak is by what the rounds of a storm are multiplied: the environment variable TROUPE_SOAK; 0 is
// the short version.
var soak = func() int {
	n, err := strconv.Atoi(os.Getenv("TROUPE_SOAK"))
	if err != nil && os.Getenv("TROUPE_SOAK") != "" {
		return 1
	}
	return n
}()

// storm is how many rounds a storm has: so many in the short version, or a multiple of the long one.
func storm(short, long int) int {
	if soak > 0 {
		return long * soak
	}
	return short
}

// background is for what outlives the context of a test by a little.
var background = context.Background()

// The functions that tests start; each does what its name says.
var (
	double   = osproc.Register("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	waiting  = osproc.Register("waiting", untilTold)
	deaf     = osproc.Register("deaf", untilKilled)
	failing  = osproc.Register("failing", func(_ context.Context, text string) (int, error) { return 1, fmt.Errorf("%s: %w", text, errKnown) })
	panicing = osproc.Register("panicing", func(_ context.Context, text string) (int, error) { panic(text) })
	exiting  = osproc.Register("exiting", func(_ context.Context, code int) (int, error) { os.Exit(code); return 0, nil })
	killing  = osproc.Register("killing", func(_ context.Context, sig syscall.Signal) (int, error) {
		syscall.Kill(os.Getpid(), sig)
		select {}
	})
	leaving = osproc.Register("leaving", func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil })
)

var errKnown = errors.New("osproc_test: an error that both sides know")

var _ = func() int { osproc.RegisterError("osproc_test.errKnown", errKnown); return 0 }()

// untilTold says that it runs, and waits until its context ends.
func untilTold(ctx context.Context, began *os.File) (string, error) {
	fmt.Fprintln(began, os.Getpid())
	began.Close()
	<-ctx.Done()
	return context.Cause(ctx).Error(), ctx.Err()
}

// untilKilled says that it runs, and computes for ever.
func untilKilled(_ context.Context, began *os.File) (int, error) {
	fmt.Fprintln(began, os.Getpid())
	began.Close()
	for n := 0; ; n++ {
		_ = n
	}
}

// A signpost is a pipe that children write their process numbers to.
type signpost struct {
	t    testing.TB
	r, w *os.File
}

func newSignpost(t testing.TB) *signpost {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return &signpost{t, r, w}
}

// next waits for the next process that says that it runs.
func (s *signpost) next() (pid int) {
	s.t.Helper()
	s.r.SetReadDeadline(time.Now().Add(patience))
	if _, err := fmt.Fscanln(oneByte{s.r}, &pid); err != nil {
		s.t.Fatal("nobody has come:", err)
	}
	return pid
}

// oneByte keeps fmt from reading more than a line.
type oneByte struct{ f *os.File }

func (o oneByte) Read(b []byte) (int, error) { return o.f.Read(b[:1]) }

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// eventually waits until ok reports true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(end) {
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			t.Fatalf("not after %v: %s", patience, what)
		}
		<-tick.C
	}
}

// gone reports that there is no process of a number, or only its remains.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z") || strings.HasPrefix(after, "X")
}

// nothingLeft fails the test if there are more goroutines, descriptors or children at its end
// than there were when nothingLeft was called.
func nothingLeft(t testing.TB) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
		eventually(t, "no descriptor is left", func() bool { return len(openFiles(t)) <= len(files) })
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
			t.Errorf("a child is left: %d, %v", pid, err)
		}
	})
}

func openFiles(t testing.TB) []string {
	t.Helper()
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc on this system")
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var files []string
	for _, name := range names {
		if target, err := os.Readlink("/proc/self/fd/" + name); err == nil {
			files = append(files, name+" "+target)
		}
	}
	return files
}

// must fails the test if err is not nil.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
