//go:build unix

package wire

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// sockets returns the two ends of a socket pair.
func sockets(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn := func(fd int) *net.UnixConn {
		f := os.NewFile(uintptr(fd), "socket")
		defer f.Close()
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.(*net.UnixConn)
	}
	return conn(fds[0]), conn(fds[1])
}

func links(t testing.TB) (a, b *Link) {
	t.Helper()
	ca, cb := sockets(t)
	a, b = NewLink(ca), NewLink(cb)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// text sends s as the body.
func text(s string) func(*Encoder) error {
	return func(e *Encoder) error {
		e.Bytes = append(e.Bytes, s...)
		return nil
	}
}

func TestFramesArriveInOrder(t *testing.T) {
	a, b := links(t)
	r := rand.New(rand.NewPCG(1, 2))
	var sent []string
	for i := range 2000 {
		size := r.IntN(200)
		switch i % 50 {
		case 0:
			size = r.IntN(300_000)
		case 1:
			size = readSize - headerSize + r.IntN(3) - 1
		case 2:
			size = 0
		}
		sent = append(sent, strings.Repeat(string(rune('a'+i%26)), size))
	}
	go func() {
		for i, s := range sent {
			if err := a.Send(byte(i), text(s)); err != nil {
				t.Error(err)
			}
		}
		if err := a.Flush(); err != nil {
			t.Error(err)
		}
		a.Close()
	}()
	for i, s := range sent {
		kind, body, err := b.Receive()
		if err != nil || kind != byte(i) || string(body.Bytes) != s {
			t.Fatalf("frame %d: kind %d, %v, %d bytes of %d", i, kind, err, len(body.Bytes), len(s))
		}
	}
	if _, _, err := b.Receive(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

func TestManySenders(t *testing.T) {
	a, b := links(t)
	const senders, each = 20, 500
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				err := a.Send(byte(s), func(e *Encoder) error {
					e.Uint(uint64(i))
					e.Text(strings.Repeat("x", i))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [senders]uint64
	for range senders * each {
		kind, body, err := b.Receive()
		if err != nil {
			t.Fatal(err)
		}
		n, err := body.Uint()
		if s, bad := body.Text(); bad != nil || err != nil || n != next[kind] || len(s) != int(n) {
			t.Fatalf("sender %d: got %d, want %d; %v, %v", kind, n, next[kind], err, bad)
		}
		next[kind]++
	}
	wg.Wait()
}

// tempFile returns a file that contains its number.
func tempFile(t *testing.T, n int) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	fmt.Fprint(f, n)
	return f
}

func contents(t *testing.T, fd int) string {
	t.Helper()
	var b [20]byte
	n, err := syscall.Pread(fd, b[:], 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestFilesArriveWithTheirFrame(t *testing.T) {
	a, b := links(t)
	files := make([]*os.File, 8)
	for i := range files {
		files[i] = tempFile(t, i)
	}
	var sender sync.WaitGroup
	defer sender.Wait()
	sender.Go(func() {
		for i := range 500 {
			err := a.Send(byte(i), func(e *Encoder) error {
				e.Bytes = append(e.Bytes, make([]byte, (i*i)%40_000)...)
				for k := range i % 4 {
					e.Files = append(e.Files, int(files[(i+k)%8].Fd()))
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 500 {
		kind, body, err := b.Receive()
		if err != nil || kind != byte(i) || len(body.Bytes) != (i*i)%40_000 || len(body.Files) != i%4 {
			t.Fatalf("frame %d: kind %d, %v, files %v", i, kind, err, body.Files)
		}
		for k := range i % 4 {
			fd, err := body.TakeFile()
			if err != nil {
				t.Fatal(err)
			}
			if got := contents(t, fd); got != fmt.Sprint((i+k)%8) {
				t.Fatalf("frame %d, file %d is %s", i, k, got)
			}
			flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
			if flags&syscall.FD_CLOEXEC == 0 {
				t.Fatal("a received file is inherited by programs that are started")
			}
			if closeFile(fd); i%3 == 0 {
				break // Receive closes the others
			}
		}
	}
}

func TestAFileMayBeClosedOnceItIsSent(t *testing.T) {
	a, b := links(t)
	f := tempFile(t, 7)
	err := a.Send(1, func(e *Encoder) error { e.Files = append(e.Files, int(f.Fd())); return nil })
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := b.Receive()
	if err != nil {
		t.Fatal(err)
	}
	kept := body.Keep()
	defer kept.Close()
	if err := a.Send(2, text("next")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Receive(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, kept.Files[0]); got != "7" {
		t.Errorf("got %q", got)
	}
}

func TestHowManyFiles(t *testing.T) {
	a, b := links(t)
	f := tempFile(t, 1)
	send := func(n int) error {
		return a.Send(0, func(e *Encoder) error {
			for range n {
				e.Files = append(e.Files, int(f.Fd()))
			}
			return nil
		})
	}
	if err := send(MaxFiles + 1); err == nil || !strings.Contains(err.Error(), "at most 253") {
		t.Errorf("too many: %v", err)
	}
	if err := send(MaxFiles); err != nil {
		t.Fatal(err)
	}
	if _, body, err := b.Receive(); err != nil || len(body.Files) != MaxFiles {
		t.Fatalf("%v", err)
	}
}

func TestFilesThatCannotBeReceived(t *testing.T) {
	a, b := links(t)
	f := tempFile(t, 1)
	for range 2 {
		err := a.Send(0, func(e *Encoder) error { e.Files = append(e.Files, int(f.Fd()), int(f.Fd())); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	none := old
	next, err := syscall.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	closeFile(next)
	none.Cur = uint64(next + 1) // one of the two
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, body, err := b.Receive()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := body.TakeFile(); !errors.Is(err, ErrFilesLost) {
		t.Errorf("first message: %v", err)
	}
	if _, body, err = b.Receive(); err != nil || len(body.Files) != 2 {
		t.Errorf("second message: %v, %v", body, err)
	}
}
