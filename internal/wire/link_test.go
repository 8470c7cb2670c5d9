//go:build unix

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
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

func TestBackPressure(t *testing.T) {
	a, b := links(t)
	const n = 200
	done := make(chan error, 1)
	go func() {
		for range n {
			if err := a.Send(0, text(strings.Repeat("x", 50_000))); err != nil {
				done <- err
				return
			}
		}
		done <- a.Flush()
	}()
	for range n {
		a.out.mu.Lock()
		if size := a.out.pending.size; size > maxPending+50_008 {
			t.Errorf("%d bytes are pending", size)
		}
		a.out.mu.Unlock()
		if _, _, err := b.Receive(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCloseWakesEverybody(t *testing.T) {
	a, _ := links(t)
	received, sent := make(chan error, 1), make(chan error, 1)
	go func() {
		_, _, err := a.Receive()
		received <- err
	}()
	go func() {
		for {
			if err := a.Send(0, text(strings.Repeat("x", 100_000))); err != nil {
				sent <- err
				return
			}
		}
	}()
	a.out.mu.Lock()
	for a.out.pending.size < maxPending {
		a.out.mu.Unlock()
		runtime.Gosched()
		a.out.mu.Lock()
	}
	a.out.mu.Unlock()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := <-received; err != ErrClosed {
		t.Errorf("Receive: %v", err)
	}
	if err := <-sent; err != ErrClosed {
		t.Errorf("Send: %v", err)
	}
	if err := a.Send(0, text("")); err != ErrClosed {
		t.Errorf("Send after Close: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	for range 100 {
		a, b := links(t)
		for i := range 10 {
			if err := a.Send(byte(i), text("x")); err != nil {
				t.Fatal(err)
			}
		}
		go a.Close()
		for range 10 {
			if _, _, err := b.Receive(); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := b.Receive(); err != io.EOF {
			t.Fatal(err)
		}
	}
}

func TestTheOtherSideIsGone(t *testing.T) {
	ca, cb := sockets(t)
	a, b := NewLink(ca), NewLink(cb)
	for range 3 {
		if err := b.Send(1, text("last words")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	_ = a.Send(0, text("never read"))
	_ = a.Flush()
	cb.Close()
	for {
		if err := a.Send(0, text("into the void")); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("Send: %v", err)
			}
			break
		}
	}
	for range 3 {
		if _, body, err := a.Receive(); err != nil || string(body.Bytes) != "last words" {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Receive(); err != io.EOF {
		t.Errorf("Receive: %v", err)
	}
}

func TestBytesThatAreNoFrames(t *testing.T) {
	hello := func(change func([]byte)) []byte {
		id := Build()
		b := append(append([]byte(helloWord), helloVersion, 0, 0, 0), id[:]...)
		change(b)
		return b
	}
	for name, test := range map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":         {nil, io.EOF},
		"another program": {hello(func(b []byte) { b[20]++ }), ErrOtherProgram},
		"another version": {hello(func(b []byte) { b[4]++ }), ErrOtherVersion},
		"something else":  {[]byte("GET / HTTP/1.1\r\nHost: example.org\r\n"), ErrOtherVersion},
		"no frame":        {append(hello(func([]byte) {}), "12345678"...), ErrMalformed},
		"half a frame":    {append(hello(func([]byte) {}), 10, 0, 0, 0, 1, 0, 't', 'r', 1), io.EOF},
		"a claim":         {append(hello(func([]byte) {}), 0, 0, 0, 0x3f, 1, 0, 't', 'r', 1), io.EOF},
	} {
		ca, cb := sockets(t)
		l := NewLink(cb)
		_, _ = ca.Write(test.bytes)
		ca.Close()
		if _, _, err := l.Receive(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		l.Close()
	}
}

func TestAnErrorInFillSendsNothing(t *testing.T) {
	a, b := links(t)
	bad := errors.New("bad")
	err := a.Send(1, func(e *Encoder) error { e.Bytes = append(e.Bytes, "junk"...); return bad })
	if err != bad {
		t.Error(err)
	}
	if err := a.Send(2, text("good")); err != nil {
		t.Fatal(err)
	}
	if kind, body, err := b.Receive(); err != nil || kind != 2 || string(body.Bytes) != "good" {
		t.Error(kind, err)
	}
}

// FuzzLink feeds a link with bytes that may be no frames.
func FuzzLink(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 1, 0, 't', 'r', 9, 0, 0, 0, 0, 2, 1, 't', 'r'})
	f.Fuzz(func(t *testing.T, b []byte) {
		ca, cb := sockets(t)
		id := Build()
		var hello bytes.Buffer
		hello.WriteString(helloWord)
		_ = binary.Write(&hello, binary.LittleEndian, uint32(helloVersion))
		hello.Write(id[:])
		go func() {
			_, _ = ca.Write(append(hello.Bytes(), b...))
			ca.Close()
		}()
		l := NewLink(cb)
		defer l.Close()
		for {
			if _, _, err := l.Receive(); err != nil {
				return
			}
		}
	})
}
