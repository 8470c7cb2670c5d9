//go:build linux

package osproc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

// A child is killed at any moment of its start: the error says so, and nobody waits for ever.
func TestG60_KilledWhileStarting(t *testing.T) {
	nothingLeft(t)
	whole := 0
	for range storm(60, 2000) {
		result := make(chan error, 1)
		go func() {
			p, err := double.StartWith(background, 4, osproc.Config{Stderr: osproc.Discard()})
			if err == nil {
				_, err = p.Wait(background)
			}
			result <- err
		}()
		ended := false
		var err error
		for pids := children(t); len(pids) == 0 && !ended; pids = children(t) {
			select {
			case err = <-result: // it was too quick
				ended = true
			default:
			}
		}
		pause := time.NewTimer(rand.N(3 * time.Millisecond))
		<-pause.C
		for _, pid := range children(t) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if !ended {
			err = <-result
		}
		var exit *osproc.ExitError
		switch {
		case err == nil:
			whole++
		case !errors.As(err, &exit) || exit.Status.Signal != syscall.SIGKILL:
			t.Fatal(err)
		}
	}
	t.Log("not killed in time:", whole)
}

// children are the processes whose parent this one is.
func children(t *testing.T) (pids []int) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Skip("this system does not tell the children of a process")
	}
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(b)) {
			pid, _ := strconv.Atoi(word)
			pids = append(pids, pid)
		}
	}
	return pids
}

// A pool whose parent has no descriptors left goes on with the workers that it has, and starts others
// when there are descriptors again.
func TestDescriptorsRunOutUnderAPool(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[string]](t)(starvingPool.StartWith(t.Context(), 0, osproc.Config{Limits: osproc.Limits{Files: 60}}))
	if text, err := p.Wait(t.Context()); err != nil || text != "" {
		t.Error(text, err)
	}
}

var starvingPool = osproc.Register("starvingPool", func(ctx context.Context, _ int) (string, error) {
	p, err := osproc.NewPool(ctx, doing, osproc.PoolConfig{Workers: 2, MaxFailures: 1000, Retries: 5})
	if err != nil {
		return "", err
	}
	defer p.Terminate()
	for len(p.Stats().Workers) < 2 {
		time.Sleep(time.Millisecond)
	}
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	syscall.Kill(p.Stats().Workers[0].PID, syscall.SIGKILL)
	for i := range 50 {
		if n, err := p.Do(ctx, job{N: i}); err != nil || n != 2*i {
			return "", fmt.Errorf("with one worker: %d, %w", n, err)
		}
	}
	if _, err := osproc.NewPool(ctx, doing, osproc.PoolConfig{}); !errors.Is(err, syscall.EMFILE) {
		return fmt.Sprint("another pool: ", err), nil
	}
	for _, f := range held {
		f.Close()
	}
	for len(p.Stats().Workers) < 2 {
		time.Sleep(time.Millisecond)
	}
	return "", p.Close()
})

// Nothing that osproc and ipc share is in /dev/shm: it may be full, and nothing is left in it.
func TestG60_DevShmIsFull(t *testing.T) {
	nothingLeft(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "OSPROC_TEST_SCENARIO=full")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.HasPrefix(string(out), "no mount") {
		t.Skipf("no file system can be mounted here: %v %s", err, out)
	}
	if err != nil || string(out) != "42 <nil>\n42 <nil>\n42 <nil>\nleft: 1\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func init() {
	scenarios["full"] = func() {
		if err := syscall.Mount("shm", "/dev/shm", "tmpfs", 0, "size=16k"); err != nil {
			fmt.Println("no mount:", err)
			return
		}
		os.WriteFile("/dev/shm/full", make([]byte, 64<<10), 0o600)
		p, err := double.Start(background, 21)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.Wait(background))
		pool, err := osproc.NewPool(background, double, osproc.PoolConfig{Workers: 2})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pool.Do(background, 21))
		pool.Terminate()
		q, err := ipc.NewQueue[int](0)
		if err == nil {
			err = q.Put(background, 42)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(q.Get(background))
		left, _ := filepath.Glob("/dev/shm/*")
		fmt.Println("left:", len(left))
	}
}

// What tasks write is read, however much, and goes where it was told to.
func TestMegabytesOfOutputOfAPool(t *testing.T) {
	nothingLeft(t)
	line := strings.Repeat("x", 99) + "\n"
	counts := map[bool]int{}
	count := func(line []byte) { counts[len(line) == 99]++ } // calls come one after the other
	var written bytes.Buffer
	p := must[*osproc.Pool[speech, int]](t)(osproc.NewPool(background, speaking, osproc.PoolConfig{
		Workers: 2, Process: osproc.Config{Stdout: osproc.ToLines(count), Stderr: osproc.ToWriter(&written)},
	}))
	for range 4 {
		if n, err := p.Do(t.Context(), speech{line, line, 10_000}); n != 10_000 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if counts[true] != 40_000 || counts[false] != 0 || written.Len() != 40_000*len(line) {
		t.Error(counts, written.Len())
	}
}
