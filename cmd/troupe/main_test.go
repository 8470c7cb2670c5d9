package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/troupe-go/troupe/cmd/troupe/internal/crew"
)

// asProgram makes the test binary run as the program itself.
const asProgram = "TROUPE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	crew.Main()
	switch os.Getenv(asProgram) {
	case "":
		os.Exit(m.Run())
	case "deaf":
		os.Exit(interruptible(deaf))
	default:
		main()
	}
}

// deaf is a program that does not end when it is interrupted.
func deaf(ctx context.Context) int {
	fmt.Println("up")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	select {}
}

// lay writes files, given as pairs of path and content, below a new directory.
func lay(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for f := range slices.Chunk(files, 2) {
		path := filepath.Join(dir, f[0])
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(f[1]), 0o644))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call runs the program in this process.
func call(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, console{&o, &e})
	return code, o.String(), e.String()
}

// wants checks that the text has all parts.
func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}

func TestDemo(t *testing.T) {
	dir := lay(t, "a.txt", "One fish, two fish", "sub/b.txt", "red fish; BLUE fish", "c.bin", "fish\x00fish", "empty", "")
	must(t, os.Symlink("..", filepath.Join(dir, "sub", "loop")))
	code, out, err := call(t, "demo", dir, "-n", "3", "--top", "2")
	if code != exitOK || err != "" {
		t.Errorf("exit code %d, %s", code, err)
	}
	wants(t, out, "the words of 4 files", "with 3 workers", "8 words, 5 different, in 3 files",
		"1 binary file, 0 unreadable, 1 symbolic link\n", `top words +fish +4\n +blue +1\n\n`,
		"agree in every word: nothing lost, nothing counted twice")
}

func TestDemoWithCrashes(t *testing.T) {
	var files []string
	for i := range 300 {
		path := fmt.Sprint(strings.Repeat("dir/", i%5), "file", i)
		files = append(files, path, strings.Repeat("some words of text ", 500))
	}
	code, out, err := call(t, "demo", lay(t, files...), "--crash-every", "1ms")
	if code != exitOK || err != "" {
		t.Errorf("exit code %d, %s", code, err)
	}
	wants(t, out, "every 1ms one crashes", "600,000 words, 4 different", "crashed, .* restarted", "agree in every word")
}

func TestG62_DemoWhoseWorkersAreKilled(t *testing.T) {
	var files []string
	for i := range 300 {
		files = append(files, fmt.Sprintf("%03d", i), strings.Repeat("some words of text ", 500))
	}
	code, out, err := call(t, "demo", lay(t, files...), "--workers", "os", "--crash-every", "100ms", "-n2")
	if code != exitOK || err != "" {
		t.Errorf("exit code %d, %s", code, err)
	}
	wants(t, out, "with 2 OS processes between a feeder and a collector; every 100ms one is killed",
		"600,000 words, 4 different", "agree in every word")
}

func TestDemoWithPoison(t *testing.T) {
	dir := lay(t, "good.txt", "fine words", "bad.txt", "words that kill", "bad.md", "words")
	code, out, err := call(t, "demo", dir, "--poison", "bad*.t?t", "--crash-every", "0")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wants(t, out, "3 workers crashed", "given up +bad.txt: panic: this file is poison", `words +2\n`)
	wants(t, err, "troupe demo: 1 file given up")
}

func TestDemoVerbose(t *testing.T) {
	_, _, err := call(t, "demo", lay(t, "bad", "some words"), "-v", "--poison", "bad")
	wants(t, err, "this file is poison", "worker-[12]", "restarting")
}

func TestDemoOfNothing(t *testing.T) {
	code, out, err := call(t, "demo", lay(t))
	if code != exitOK || err != "" {
		t.Errorf("exit code %d, %s", code, err)
	}
	wants(t, out, "^There are no files to count in .*\n$")
}

func TestDemoOfEmptyFiles(t *testing.T) {
	code, out, err := call(t, "demo", lay(t, "a", "", "b", "\x00"))
	if code != exitOK || err != "" {
		t.Errorf("exit code %d, %s", code, err)
	}
	wants(t, out, "0 words, 0 different, in 1 file\n", "agree in every word")
}

func TestUsage(t *testing.T) {
	dir := lay(t, "file", "text")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"demo", filepath.Join(dir, "missing")}, "missing: no such file or directory|cannot find"},
		{[]string{"demo", filepath.Join(dir, "file")}, "file is not a directory"},
		{[]string{"demo", dir, dir}, "unexpected argument"},
		{[]string{"demo", dir, "-n", "0"}, "--crew=0: it must be from 1 to 4096"},
		{[]string{"demo", dir, "-n", "-3"}, "--crew=-3: it must be from 1"},
		{[]string{"demo", dir, "-n", "many"}, "expected .* int"},
		{[]string{"demo", dir, "--crash-every", "-1s"}, "--crash-every=-1s: it must be 0 for never, or at least 1ms"},
		{[]string{"demo", dir, "--crash-every", "1us"}, "at least 1ms"},
		{[]string{"demo", dir, "--crash-every", "5"}, "missing unit"},
		{[]string{"demo", dir, "--top", "-1"}, "--top=-1: it must not be negative"},
		{[]string{"demo", dir, "--poison", "["}, "syntax error in pattern"},
		{[]string{"demo", dir, "--nonsense"}, "unknown flag --nonsense"},
		{[]string{"nonsense"}, "unexpected argument nonsense"},
	} {
		code, out, err := call(t, c.args...)
		if code != exitUsage || out != "" {
			t.Errorf("%q: exit code %d, %s", c.args, code, out)
		}
		wants(t, err, c.want)
	}
}

func TestHelp(t *testing.T) {
	for args, want := range map[string]string{
		"":             `demo +Count the words`,
		"--help":       `version +Say which version`,
		"demo --help":  `(?s)--crash-every=TIME.*0 is never.*--poison=GLOB`,
		"version -h":   "Usage: troupe version",
		"demo x -n=-h": "", // no help, but no crash of the program either
	} {
		code, out, _ := call(t, strings.Fields(args)...)
		if want != "" && code != exitOK {
			t.Errorf("%q: exit code %d", args, code)
		}
		wants(t, out, want)
	}
}

func TestVersion(t *testing.T) {
	code, out, _ := call(t, "version")
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	wants(t, out, `^troupe \S+.* go1\.\S+ \w+/\w+\n$`)
}

func TestInterruptedBeforeAll(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	var o, e bytes.Buffer
	if code := run(ctx, []string{"demo", lay(t, "a", "text")}, console{&o, &e}); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	wants(t, e.String(), "troupe demo: interrupted: while listing")
}

// Interrupted when the crew has done its work and the comparison begins.
func TestInterruptedWhileComparing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &trigger{at: "top words", do: func() { cancel(errInterrupted) }}
	var e bytes.Buffer
	if code := run(ctx, []string{"demo", lay(t, "a", "some text")}, console{out, &e}); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	wants(t, e.String(), "interrupted: while comparing; 0 of 1 file compared")
}

// A trigger is a writer that does something when a certain text comes.
type trigger struct {
	at string
	do func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.at)) {
		w.do()
	}
	return len(p), nil
}
