//go:build linux

package osproc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

// speech is what a child is to write.
type speech struct {
	Out, Err string
	Times    int
}

var speaking = osproc.Register("speaking", func(_ context.Context, s speech) (int, error) {
	for range s.Times {
		io.WriteString(os.Stdout, s.Out)
		io.WriteString(os.Stderr, s.Err)
	}
	return s.Times, nil
})

func TestMegabytesOfOutputNeverBlock(t *testing.T) {
	nothingLeft(t)
	line := strings.Repeat("x", 99) + "\n"
	const times = 50_000 // five megabytes on each
	var lines int
	var written bytes.Buffer
	file := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "out")))
	defer file.Close()
	for _, cfg := range []osproc.Config{
		{Stdout: osproc.Discard(), Stderr: osproc.Discard()},
		{Stdout: osproc.ToFile(file), Stderr: osproc.ToWriter(&written)},
		{Stdout: osproc.ToWriter(brokenWriter{}), Stderr: osproc.ToLines(func(line []byte) {
			if len(line) == 99 {
				lines++
			}
		})},
	} {
		p := must[*osproc.Process[int]](t)(speaking.StartWith(t.Context(), speech{line, line, times}, cfg))
		if n, err := p.Wait(t.Context()); n != times || err != nil {
			t.Fatal(n, err)
		}
	}
	if lines != times {
		t.Error("lines:", lines)
	}
	if written.Len() != times*len(line) {
		t.Error("written:", written.Len())
	}
	if info, _ := file.Stat(); info.Size() != int64(times*len(line)) {
		t.Error("in the file:", info.Size())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestOutputToLog(t *testing.T) {
	nothingLeft(t)
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	cfg := osproc.Config{Name: "talker", Stdout: osproc.ToLog(log, slog.LevelWarn)}
	p := must[*osproc.Process[int]](t)(speaking.StartWith(t.Context(), speech{Out: "one\r\ntwo\n\nno end", Times: 1}, cfg))
	must[int](t)(p.Wait(t.Context()))
	want := "level=WARN msg=one child=talker\nlevel=WARN msg=two child=talker\n" +
		"level=WARN msg=\"\" child=talker\nlevel=WARN msg=\"no end\" child=talker\n"
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}

func TestLongLinesComeInPieces(t *testing.T) {
	var sizes []int
	cfg := osproc.Config{Stdout: osproc.ToLines(func(line []byte) { sizes = append(sizes, len(line)) })}
	p := must[*osproc.Process[int]](t)(speaking.StartWith(t.Context(), speech{Out: strings.Repeat("x", 150_000) + "\nend\n", Times: 1}, cfg))
	must[int](t)(p.Wait(t.Context()))
	if want := []int{64 << 10, 64 << 10, 150_000 - 128<<10, 3}; !slices.Equal(sizes, want) {
		t.Error(sizes)
	}
}

// A child of the child that keeps the pipe open is not waited for; what the child itself wrote
// is all there.
func TestOutputOfOthersIsNotWaitedFor(t *testing.T) {
	nothingLeft(t)
	var b bytes.Buffer
	p := must[*osproc.Program](t)(osproc.Command("sh", "-c", "sleep 1000 & echo $!; head -c 60000 /dev/zero").
		StartWith(t.Context(), osproc.Config{Stdout: osproc.ToWriter(&b)}))
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(b.String(), "\n")
	if len(rest) != 60_000 {
		t.Error(len(rest))
	}
	var pid int
	fmt.Sscan(line, &pid)
	syscall.Kill(pid, syscall.SIGKILL)
}

func TestEnvAndDir(t *testing.T) {
	dir := must[string](t)(filepath.EvalSymlinks(t.TempDir()))
	p := must[*osproc.Process[[2]string]](t)(surroundings.StartWith(t.Context(), "OSPROC_TEST_X", osproc.Config{Env: []string{"OSPROC_TEST_X=y"}, Dir: dir}))
	if got := must[[2]string](t)(p.Wait(t.Context())); got != [2]string{"y", dir} {
		t.Error(got)
	}
	if _, err := surroundings.StartWith(t.Context(), "", osproc.Config{Dir: dir + "/missing"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

var surroundings = osproc.Register("surroundings", func(_ context.Context, key string) ([2]string, error) {
	dir, err := os.Getwd()
	return [2]string{os.Getenv(key), dir}, err
})

func TestStdin(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[string]](t)(reading.Start(t.Context(), 0))
	if got := must[string](t)(p.Wait(t.Context())); got != "" {
		t.Errorf("standard input is not empty: %q", got)
	}
	p = must[*osproc.Process[string]](t)(reading.StartWith(t.Context(), 0, osproc.Config{Stdin: osproc.FromPipe()}))
	io.WriteString(p.Stdin(), "through the pipe")
	p.Stdin().Close()
	if got := must[string](t)(p.Wait(t.Context())); got != "through the pipe" {
		t.Errorf("%q", got)
	}
	file := filepath.Join(t.TempDir(), "in")
	os.WriteFile(file, []byte("from a file"), 0o600)
	f := must[*os.File](t)(os.Open(file))
	p = must[*osproc.Process[string]](t)(reading.StartWith(t.Context(), 0, osproc.Config{Stdin: osproc.FromFile(f)}))
	f.Close()
	if got := must[string](t)(p.Wait(t.Context())); got != "from a file" {
		t.Errorf("%q", got)
	}
	if p.Stdin() != nil {
		t.Error("there is a pipe")
	}
}

var reading = osproc.Register("reading", func(context.Context, int) (string, error) {
	b, err := io.ReadAll(os.Stdin)
	return string(b), err
})

func TestNice(t *testing.T) {
	own := must[[]int](t)(niceness(background, 0))
	p := must[*osproc.Process[[]int]](t)(nice.StartWith(t.Context(), 0, osproc.Config{Nice: 3}))
	for _, n := range must[[]int](t)(p.Wait(t.Context())) {
		if n != min(own[0]+3, 19) {
			t.Errorf("a thread has niceness %d, the parent %d", n, own[0])
		}
	}
}

var nice = osproc.Register("nice", niceness)

// niceness is that of all threads of this process.
func niceness(context.Context, int) (all []int, err error) {
	threads, err := os.ReadDir("/proc/self/task")
	for _, thread := range threads {
		stat, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/stat")
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		var n int
		fmt.Sscan(strings.Fields(after)[16], &n)
		all = append(all, n)
	}
	return all, err
}

func TestMemoryLimit(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector needs more memory than any limit that is of interest")
	}
	nothingLeft(t)
	cfg := osproc.Config{Limits: osproc.Limits{Memory: 256 << 20}, Stderr: osproc.ToWriter(io.Discard)}
	p := must[*osproc.Process[int]](t)(hoarding.StartWith(t.Context(), 16, cfg))
	if n, err := p.Wait(t.Context()); n != 16 || err != nil {
		t.Error(n, err)
	}
	p = must[*osproc.Process[int]](t)(hoarding.StartWith(t.Context(), 1024, cfg))
	_, err := p.Wait(t.Context())
	var exit *osproc.ExitError
	if !errors.As(err, &exit) || !strings.Contains(exit.Error()+exit.Crash, "out of memory") {
		t.Errorf("%v", err)
	}
}

// hoarding keeps so many megabytes, and makes as many that are garbage.
var hoarding = osproc.Register("hoarding", func(_ context.Context, megabytes int) (int, error) {
	var all [][]byte
	for range megabytes {
		all = append(all, make([]byte, 1<<20))
		for i := range 8 {
			_ = bytes.Repeat([]byte{byte(i)}, 1<<20)
		}
	}
	return len(all), nil
})

func TestCPULimit(t *testing.T) {
	nothingLeft(t)
	cfg := osproc.Config{Limits: osproc.Limits{CPU: time.Second}}
	p := must[*osproc.Process[error]](t)(spinning.StartWith(t.Context(), false, cfg))
	if cause, err := p.Wait(t.Context()); !errors.Is(cause, osproc.ErrCPULimit) || err != nil {
		t.Error(cause, err)
	}
	p = must[*osproc.Process[error]](t)(spinning.StartWith(t.Context(), true, cfg))
	_, err := p.Wait(t.Context())
	var exit *osproc.ExitError
	if !errors.As(err, &exit) || exit.Status.Signal != syscall.SIGKILL {
		t.Error(err)
	}
}

var spinning = osproc.Register("spinning", func(ctx context.Context, deaf bool) (error, error) {
	for deaf || ctx.Err() == nil {
		_ = deaf
	}
	return context.Cause(ctx), nil
})

func TestProgram(t *testing.T) {
	nothingLeft(t)
	var mu sync.Mutex
	var lines []string
	p := must[*osproc.Program](t)(osproc.Command("cat").StartWith(t.Context(), osproc.Config{
		Stdin: osproc.FromPipe(),
		Stdout: osproc.ToLines(func(line []byte) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, string(line))
		}),
	}))
	if p.Name() != "cat" {
		t.Error(p.Name())
	}
	fmt.Fprintln(p.Stdin(), "one")
	eventually(t, "a line comes while the program runs", func() bool { mu.Lock(); defer mu.Unlock(); return len(lines) == 1 })
	fmt.Fprintln(p.Stdin(), "two")
	p.Stdin().Close()
	if err := p.Wait(t.Context()); err != nil || !slices.Equal(lines, []string{"one", "two"}) {
		t.Error(lines, err)
	}

	p = must[*osproc.Program](t)(osproc.Command("sh", "-c", "echo sorry >&2; exit 3").StartWith(t.Context(), osproc.Config{Stderr: osproc.ToWriter(io.Discard)}))
	err := p.Wait(t.Context())
	var exit *osproc.ExitError
	if !errors.As(err, &exit) || exit.Status.Code != 3 || exit.Stderr != "sorry\n" || exit.Name != "sh" {
		t.Error(err)
	}
	if _, err := osproc.Command("no-such-program").Start(t.Context()); err == nil {
		t.Error("started")
	}
	if _, err := osproc.Command("/no/such/program").Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// What is left of a program's group ends with it.
func TestGroup(t *testing.T) {
	nothingLeft(t)
	pids := make(chan int, 1)
	start := func(script string) *osproc.Program {
		return must[*osproc.Program](t)(osproc.Command("sh", "-c", script).StartWith(t.Context(), osproc.Config{
			Group: true,
			Stdout: osproc.ToLines(func(line []byte) {
				var pid int
				fmt.Sscan(string(line), &pid)
				pids <- pid
			}),
		}))
	}
	p := start("sleep 1000 & echo $!; exit 0")
	if err := p.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	below := <-pids
	eventually(t, "the sleep is gone", func() bool { return gone(below) })
	p = start("sleep 1000 & echo $!; wait")
	below = <-pids
	p.Kill()
	<-p.Done()
	eventually(t, "the sleep is gone", func() bool { return gone(below) })
}

// A program dies with its parent, though it knows nothing of that.
func TestG60_ProgramsDieWithTheirParent(t *testing.T) {
	nothingLeft(t)
	post := newSignpost(t)
	p := must[*osproc.Process[int]](t)(launching.Start(t.Context(), post.w))
	pid := post.next()
	p.Kill()
	<-p.Done()
	eventually(t, "the program is gone", func() bool { return gone(pid) })
}

var launching = osproc.Register("launching", func(ctx context.Context, began *os.File) (int, error) {
	p, err := osproc.Command("sleep", "1000").Start(ctx)
	if err != nil {
		return 0, err
	}
	fmt.Fprintln(began, p.PID())
	return 0, p.Wait(ctx)
})
