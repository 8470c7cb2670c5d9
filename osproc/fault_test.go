//go:build linux

package osproc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/troupe-go/troupe/osproc"
)

func TestArgumentThatCannotTravel(t *testing.T) {
	nothingLeft(t)
	if _, err := withChan.Start(t.Context(), holder{}); err == nil || !strings.Contains(err.Error(), "holder.Ch") {
		t.Error(err)
	}
	if _, err := resultChan.Start(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "the result of resultChan cannot travel") {
		t.Error(err)
	}
	if _, err := anything.Start(t.Context(), struct{ unknown int }{1}); err == nil || !strings.Contains(err.Error(), "the argument of anything cannot be sent") {
		t.Error(err)
	}
	// A result that cannot be sent is an error of Wait.
	p := must[*osproc.Process[any]](t)(unsendable.Start(t.Context(), 1))
	if _, err := p.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "the result of unsendable cannot be sent") {
		t.Error(err)
	}
}

type holder struct{ Ch chan int }

var (
	withChan   = osproc.Register("withChan", func(context.Context, holder) (int, error) { return 0, nil })
	resultChan = osproc.Register("resultChan", func(context.Context, int) (holder, error) { return holder{}, nil })
	anything   = osproc.Register("anything", func(_ context.Context, v any) (any, error) { return v, nil })
	unsendable = osproc.Register("unsendable", func(context.Context, int) (any, error) { return struct{ unknown int }{1}, nil })
)

// otherVersion makes a child of the tests know other functions than the tests do.
const otherVersion = "OSPROC_TEST_OTHER_VERSION"

var missing, changed = func() (*osproc.Func[int, int], *osproc.Func[int, int]) {
	f := func(_ context.Context, n int) (int, error) { return n, nil }
	if os.Getenv(otherVersion) != "" {
		osproc.Register("changed", func(_ context.Context, s string) (int, error) { return len(s), nil })
		return nil, nil
	}
	return osproc.Register("missing", f), osproc.Register("changed", f)
}()

func TestUnknownFunction(t *testing.T) {
	nothingLeft(t)
	cfg := osproc.Config{Env: append(os.Environ(), otherVersion+"=1")}
	if _, err := missing.StartWith(t.Context(), 1, cfg); err == nil || !strings.Contains(err.Error(), `no function is registered as "missing"`) {
		t.Error(err)
	}
	if _, err := changed.StartWith(t.Context(), 1, cfg); err == nil || !strings.Contains(err.Error(), `the function "changed" has another type`) {
		t.Error(err)
	}
	if _, err := osproc.NewPool(t.Context(), missing, osproc.PoolConfig{Process: cfg}); err == nil || !strings.Contains(err.Error(), `no function is registered as "missing"`) {
		t.Error(err)
	}
}

func TestRegisterTwicePanics(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), `"double" is taken`) {
			t.Error(v)
		}
	}()
	osproc.Register("double", func(context.Context, int) (int, error) { return 0, nil })
}

// Faults that no recover can catch come back with what the runtime says of them.
func TestUncatchableFaults(t *testing.T) {
	nothingLeft(t)
	for kind, want := range map[string][]string{
		"stack overflow":        {"fatal error: stack overflow", "deeper"},
		"concurrent map writes": {"fatal error: concurrent map "},
		"another goroutine":     {"panic: elsewhere", "fault_test.go"},
		"deadlock by os.Exit":   {""},
	} {
		var stderr bytes.Buffer
		cfg := osproc.Config{Stderr: osproc.ToWriter(&stderr)}
		p := must[*osproc.Process[int]](t)(faulty.StartWith(t.Context(), kind, cfg))
		_, err := p.Wait(t.Context())
		var exit *osproc.ExitError
		if !errors.As(err, &exit) || exit.Status.Code != 2 {
			t.Fatal(kind, err)
		}
		for _, w := range want {
			if !strings.Contains(exit.Crash, w) || !strings.Contains(stderr.String(), w) {
				t.Errorf("%s: the crash does not mention %q: %.400s", kind, w, exit.Crash)
			}
		}
		if want[0] != "" && !strings.Contains(err.Error(), want[0]) {
			t.Error(err)
		}
		if kind != "deadlock by os.Exit" && (exit.Stderr == "" || !strings.HasSuffix(stderr.String(), exit.Stderr)) {
			t.Errorf("%s: the tail of stderr is %q", kind, exit.Stderr)
		}
	}
}

var faulty = osproc.Register("faulty", func(_ context.Context, kind string) (int, error) {
	switch kind {
	case "stack overflow":
		debug.SetMaxStack(1 << 20)
		return deeper(0), nil
	case "concurrent map writes":
		runtime.GOMAXPROCS(4) // one alone writes after the other
		m := make(map[int]int)
		for i := range 4 {
			go func() {
				for n := 0; ; n++ {
					m[n&7+i]++
				}
			}()
		}
		select {}
	case "another goroutine":
		go func() { panic("elsewhere") }()
		select {}
	}
	os.Exit(2)
	return 0, nil
})

func deeper(n int) int {
	if n < 0 {
		return 0
	}
	return deeper(n+1) + 1
}

func TestResultsLargerThanAnyBuffer(t *testing.T) {
	nothingLeft(t)
	for _, size := range []int{0, 1, 64 << 10, 1 << 20, 12 << 20} {
		p := must[*osproc.Process[[]byte]](t)(large.Start(t.Context(), make([]byte, size)))
		b, err := p.Wait(t.Context())
		if err != nil || len(b) != size || size > 0 && b[size-1] != 1 {
			t.Fatal(size, len(b), err)
		}
	}
	// The result is taken in also when nobody waits.
	p := must[*osproc.Process[[]byte]](t)(large.Start(t.Context(), make([]byte, 4<<20)))
	<-p.Done()
	if b, err := p.Wait(t.Context()); len(b) != 4<<20 || err != nil {
		t.Error(len(b), err)
	}
}

var large = osproc.Register("large", func(_ context.Context, b []byte) ([]byte, error) {
	for i := range b {
		b[i]++
	}
	return b, nil
})

// Errors say what one would look up next.
func TestErrorsSayWhy(t *testing.T) {
	nothingLeft(t)
	dir := t.TempDir()
	for want, f := range map[string]func() error{
		`its standard error ends with "a last word"`: func() error {
			p := must[*osproc.Process[int]](t)(lastWord.StartWith(t.Context(), 5, osproc.Config{Stderr: osproc.ToWriter(io.Discard)}))
			_, err := p.Wait(t.Context())
			return err
		},
		"exit status 0 without a result: was os.Exit called?": func() error {
			p := must[*osproc.Process[int]](t)(lastWord.StartWith(t.Context(), 0, osproc.Config{Stderr: osproc.Discard()}))
			_, err := p.Wait(t.Context())
			return err
		},
		"its directory " + dir + "/missing: no such file": func() error {
			_, err := double.StartWith(t.Context(), 1, osproc.Config{Dir: dir + "/missing"})
			return err
		},
		`osproc: exec: "no-such-program"`: func() error {
			_, err := osproc.Command("no-such-program").Start(t.Context())
			return err
		},
		"cannot be started: " + dir + ": permission denied": func() error {
			_, err := osproc.Command(dir).Start(t.Context())
			return err
		},
	} {
		if err := f(); err == nil || !strings.HasPrefix(err.Error(), "osproc: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

var lastWord = osproc.Register("lastWord", func(_ context.Context, code int) (int, error) {
	fmt.Fprintln(os.Stderr, "a first word\na last word")
	os.Exit(code)
	return 0, nil
})

// A child that runs out of descriptors is an ordinary error, and so is a parent.
func TestDescriptorsRunOut(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[string]](t)(starving.StartWith(t.Context(), 0, osproc.Config{Limits: osproc.Limits{Files: 40}}))
	if text, err := p.Wait(t.Context()); err != nil || text != "" {
		t.Error(text, err)
	}
}

var starving = osproc.Register("starving", func(ctx context.Context, _ int) (string, error) {
	var all []*osproc.Process[string]
	for range 50 {
		r, w, err := os.Pipe()
		if err != nil {
			break
		}
		r.Close()
		p, err := waiting.Start(ctx, w)
		w.Close()
		if err != nil {
			if !errors.Is(err, syscall.EMFILE) {
				return "", err
			}
			break
		}
		all = append(all, p)
	}
	if len(all) == 0 || len(all) == 50 {
		return fmt.Sprint(len(all), " children with 40 descriptors"), nil
	}
	for _, p := range all {
		p.Terminate()
		<-p.Done()
	}
	p, err := double.Start(ctx, 2)
	if err != nil {
		return "", fmt.Errorf("after all were given back: %w", err)
	}
	n, err := p.Wait(ctx)
	if n != 4 {
		err = fmt.Errorf("got %d, %w", n, err)
	}
	return "", err
})

// programs builds what is in testdata, once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "osproc-test")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir, "./testdata/nomain", "./testdata/sometimes").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return dir, err
})

func program(t *testing.T, name string) string {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("programs cannot be built here")
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(filepath.Join(dir, name)); os.Remove(dir) })
	return filepath.Join(dir, name)
}

func TestForgottenMain(t *testing.T) {
	for name, want := range map[string]string{
		"nomain":    "Main was not called",
		"sometimes": "ended (exit status 3) before it said hello: is osproc.Main() called first",
		"late":      "did not say hello within",
	} {
		file := strings.Replace(name, "late", "sometimes", 1)
		cmd := exec.Command(program(t, file), name)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if strings.Count(string(out), "\n") > 3 {
			t.Errorf("%s started more than it should: %s", name, out)
		}
	}
}

// The executable of a running program can be replaced, or removed.
func TestExecutableIsGone(t *testing.T) {
	exe := must[string](t)(os.Executable())
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(copied, must[[]byte](t)(os.ReadFile(exe)), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied)
	cmd.Env = append(os.Environ(), "OSPROC_TEST_SCENARIO=gone")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "42 <nil>\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func init() {
	scenarios["gone"] = func() {
		exe, _ := os.Executable()
		if err := os.Remove(exe); err != nil {
			fmt.Println(err)
		}
		if err := os.WriteFile(exe, []byte("#!/bin/sh\necho replaced\n"), 0o755); err != nil {
			fmt.Println(err)
		}
		p, err := double.Start(background, 21)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.Wait(background))
	}
}
