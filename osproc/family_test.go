//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/osproc"
)

// A tree is a family of processes to be started.
type tree struct {
	Depth, Width int
	Began        *os.File
	Daemons      bool
}

// growing starts a tree below itself, says that it runs, and computes for ever. It is
// registered in init because it starts itself.
var growing *osproc.Func[tree, int]

func init() {
	growing = osproc.Register("growing", func(ctx context.Context, t tree) (int, error) {
		if err := plant(ctx, t); err != nil {
			return 0, err
		}
		return untilKilled(ctx, t.Began)
	})
}

// branching starts a tree below itself, says that it runs, and returns when it is told to.
var branching = osproc.Register("branching", func(ctx context.Context, t tree) (int, error) {
	if err := plant(ctx, t); err != nil {
		return 0, err
	}
	fmt.Fprintln(t.Began, os.Getpid())
	t.Began.Close()
	<-ctx.Done()
	return 0, nil
})

func plant(ctx context.Context, t tree) error {
	if t.Depth == 0 {
		return nil
	}
	below := t
	below.Depth--
	for range t.Width {
		if _, err := growing.StartWith(ctx, below, osproc.Config{Daemon: t.Daemons}); err != nil {
			return err
		}
	}
	return nil
}

func TestG60_ChildrenAndGrandchildrenDieWithTheirParent(t *testing.T) {
	nothingLeft(t)
	for range 10 {
		post := newSignpost(t)
		p := must[*osproc.Process[int]](t)(growing.Start(t.Context(), tree{Depth: 2, Width: 2, Began: post.w}))
		var family []int
		for range 1 + 2 + 4 {
			family = append(family, post.next())
		}
		p.Kill()
		<-p.Done()
		for _, pid := range family {
			eventually(t, "the family is gone", func() bool { return gone(pid) })
		}
	}
}

// The parent is killed while its family is still being started.
func TestG60_ParentKilledAtAnyTime(t *testing.T) {
	nothingLeft(t)
	for range 40 {
		post := newSignpost(t)
		p := must[*osproc.Process[int]](t)(growing.Start(t.Context(), tree{Depth: 2, Width: 3, Began: post.w}))
		post.w.Close()
		kill := time.NewTimer(rand.N(12 * time.Millisecond))
		<-kill.C
		p.Kill()
		<-p.Done()
		// The pipe ends when the last of the family that has it is gone.
		post.r.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 4096)
		for {
			if _, err := post.r.Read(b); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("somebody lives on")
				}
				break
			}
		}
	}
}

func TestOrphanHasTimeToCleanUp(t *testing.T) {
	post, word := newSignpost(t), newSignpost(t)
	p := must[*osproc.Process[int]](t)(fostering.Start(t.Context(), [2]*os.File{post.w, word.w}))
	orphan := post.next()
	word.w.Close()
	p.Kill()
	word.r.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 100)
	if n, _ := word.r.Read(b); !strings.Contains(string(b[:n]), "cleaned up: true") {
		t.Errorf("%q", b[:n])
	}
	eventually(t, "the orphan is gone", func() bool { return gone(orphan) })
}

// fostering starts a child that may outlive it a little.
var fostering = osproc.Register("fostering", func(ctx context.Context, files [2]*os.File) (int, error) {
	if _, err := orphan.StartWith(ctx, files, osproc.Config{Orphan: patience}); err != nil {
		return 0, err
	}
	select {}
})

var orphan = osproc.Register("orphan", func(ctx context.Context, files [2]*os.File) (int, error) {
	fmt.Fprintln(files[0], os.Getpid())
	<-ctx.Done()
	cause := context.Cause(ctx) // SIGTERM, or the end of the link, whatever comes first
	known := errors.Is(cause, osproc.ErrOrphaned) || errors.Is(cause, osproc.ErrTerminated)
	fmt.Fprintln(files[1], "cleaned up:", known)
	return 0, nil
})

func TestOrphanThatTakesTooLongIsKilled(t *testing.T) {
	post := newSignpost(t)
	p := must[*osproc.Process[int]](t)(fosteringDeaf.Start(t.Context(), post.w))
	orphan := post.next()
	p.Kill()
	<-p.Done()
	eventually(t, "the orphan is gone", func() bool { return gone(orphan) })
}

var fosteringDeaf = osproc.Register("fosteringDeaf", func(ctx context.Context, f *os.File) (int, error) {
	if _, err := deaf.StartWith(ctx, f, osproc.Config{Orphan: 20 * time.Millisecond}); err != nil {
		return 0, err
	}
	select {}
})

func TestAWorkerWaitsForItsChildrenButNotForDaemons(t *testing.T) {
	nothingLeft(t)
	for _, daemons := range []bool{false, true} {
		post := newSignpost(t)
		cfg := osproc.Config{Grace: patience}
		p := must[*osproc.Process[int]](t)(branching.StartWith(t.Context(), tree{Depth: 1, Width: 1, Began: post.w, Daemons: daemons}, cfg))
		pids := map[int]bool{post.next(): true, post.next(): true}
		delete(pids, p.PID())
		p.Terminate()
		for child := range pids {
			if !daemons {
				// Its function has returned when it is deaf to a second SIGTERM; what it
				// waits for is its child, which was not told anything by Terminate.
				ended := make(chan struct{})
				go func() { <-p.Done(); close(ended) }()
				select {
				case <-ended:
					t.Error("the worker has not waited for its child")
				case <-time.After(50 * time.Millisecond):
				}
				syscall.Kill(child, syscall.SIGKILL)
			}
			if _, err := p.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			eventually(t, "the child is gone", func() bool { return gone(child) })
		}
	}
}

func TestJoin(t *testing.T) {
	nothingLeft(t)
	post := newSignpost(t)
	p := must[*osproc.Process[string]](t)(waiting.Start(t.Context(), post.w))
	d := must[*osproc.Process[int]](t)(deaf.StartWith(t.Context(), post.w, osproc.Config{Daemon: true}))
	post.next()
	post.next()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := osproc.Join(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.Terminate()
	if err := osproc.Join(t.Context()); err != nil {
		t.Error(err)
	}
	if p.Alive() && p.Poll(t.Context()) != nil || !d.Alive() {
		t.Error("Join has not waited for the one, or has for the other")
	}
	d.Kill()
	<-d.Done()
}

// The environment does not make grandchildren believe that they are workers.
func TestTheMarkIsNotInherited(t *testing.T) {
	p := must[*osproc.Process[[]string]](t)(environment.Start(t.Context(), 0))
	for _, kv := range must[[]string](t)(p.Wait(t.Context())) {
		if strings.Contains(kv, "OSPROC") && !strings.HasPrefix(kv, "OSPROC_TEST") {
			t.Error(kv)
		}
	}
}

var environment = osproc.Register("environment", func(context.Context, int) ([]string, error) { return os.Environ(), nil })

// A child does not inherit descriptors but those that it is given.
func TestDescriptorsAreNotInherited(t *testing.T) {
	nothingLeft(t)
	post := newSignpost(t)
	for range 3 {
		other := must[*osproc.Process[string]](t)(waiting.Start(t.Context(), post.w))
		post.next()
		defer func() { other.Kill(); <-other.Done() }()
	}
	p := must[*osproc.Process[[]string]](t)(descriptors.Start(t.Context(), 0))
	files := must[[]string](t)(p.Wait(t.Context()))
	links := 0
	for _, f := range files {
		switch {
		case inheritedByUs(f):
		case strings.HasPrefix(f, "0 "), strings.HasPrefix(f, "1 "), strings.HasPrefix(f, "2 "):
		case strings.Contains(f, "anon_inode:"), strings.Contains(f, "/proc/"), strings.Contains(f, "memfd:osproc-crash"):
		case strings.Contains(f, "cgroup"), strings.Contains(f, "cpu.max"): // the runtime's
		case strings.Contains(f, "socket:"):
			links++
		default:
			t.Error(f)
		}
	}
	if links != 1 {
		t.Error(files)
	}
}

// inheritedByUs reports that the descriptor came from whoever started the tests.
func inheritedByUs(f string) bool {
	name, target, _ := strings.Cut(f, " ")
	fd, _ := strconv.Atoi(name)
	own, _ := os.Readlink("/proc/self/fd/" + name)
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && own == target && flags&unix.FD_CLOEXEC == 0
}

var descriptors = osproc.Register("descriptors", func(context.Context, int) (files []string, err error) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, name := range names {
		target, _ := os.Readlink("/proc/self/fd/" + name)
		files = append(files, name+" "+target)
	}
	return files, err
})

// A program that ignores SIGCHLD still learns that its children end, though not how.
func TestIgnoredSIGCHLD(t *testing.T) {
	p := must[*osproc.Process[string]](t)(careless.Start(t.Context(), 3))
	if text, err := p.Wait(t.Context()); err != nil || !strings.Contains(text, "6 <nil>") {
		t.Error(text, err)
	}
}

var careless = osproc.Register("careless", func(ctx context.Context, n int) (string, error) {
	signal.Ignore(syscall.SIGCHLD)
	p, err := double.Start(ctx, n)
	if err != nil {
		return "", err
	}
	r, err := p.Wait(ctx)
	return fmt.Sprint(r, " ", err), nil
})
