//go:build linux || darwin

package ipc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"
)

// roleEcho receives a connection and sends back what comes over it, as bytes.
var roleEcho = addRole("echo", func(ctx context.Context, parent *Conn) error {
	c, err := Receive[*Conn](ctx, parent)
	if err != nil {
		return err
	}
	for {
		b, err := c.ReceiveBytes(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.SendBytes(ctx, b); err != nil {
			return err
		}
	}
})

func TestConn_TravelsToAnotherProcess(t *testing.T) {
	child := startRole(t, roleEcho)
	a, b := pipe(t)
	b.SetMaxMessage(1 << 21)
	tell(t, child.Conn, b)
	if err := b.SendBytes(t.Context(), nil); err != ErrMoved {
		t.Errorf("send with what was given away: %v", err)
	}
	if _, err := b.ReceiveBytes(t.Context()); err != ErrMoved {
		t.Errorf("receive with what was given away: %v", err)
	}
	b.Close()
	for i, n := range []int{0, 1, 100, blockSize, 1 << 20} {
		want := bytes.Repeat([]byte{byte(i)}, n)
		sent := make(chan error)
		go func() { sent <- a.SendBytes(t.Context(), want) }()
		got, err := a.ReceiveBytes(t.Context())
		if err != nil || !bytes.Equal(got, want) || <-sent != nil {
			t.Fatalf("%d: %d bytes, %v", i, len(got), err)
		}
	}
	a.Close()
	if err := child.wait(); err != nil {
		t.Error(err)
	}
}

// What one side has read ahead, the other gets: in the middle of a message, with files, with a
// send that was given up.
func TestConn_TravelsInTheMiddle(t *testing.T) {
	a, b := pipe(t)
	via, out := pipe(t)
	want := 0
	feed := func(n int) {
		for range n {
			if err := a.SendBytes(t.Context(), fmt.Appendf(nil, "%d", want)); err != nil {
				t.Fatal(err)
			}
			want++
		}
	}
	for next := 0; next < 200; next++ {
		if want < next+100 {
			feed(3)
		}
		got, err := b.ReceiveBytes(t.Context())
		if string(got) != fmt.Sprint(next) || err != nil {
			t.Fatalf("got %q, want %d: %v", got, next, err)
		}
		if next%3 == 0 {
			b = pass(t, via, out, b)
		}
	}
	defer b.Close()
	for want > 200 { // the rest
		want--
		if _, err := b.ReceiveBytes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// pass sends c from via to out, as if to another process.
func pass(t *testing.T, via, out, c *Conn) *Conn {
	t.Helper()
	tell(t, via, c)
	c.Close()
	return hear[*Conn](t, out)
}

// An end travels when part of a message has been read, and when part of one has been sent.
func TestConn_TravelsWithinAMessage(t *testing.T) {
	a, b := pipe(t)
	via, out := pipe(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	big := bytes.Repeat([]byte("x"), 3*blockSize+5)
	tell(t, a, 1)
	tell(t, a, r)
	sent := make(chan error)
	go func() { sent <- a.SendBytes(t.Context(), big) }()
	hear[int](t, b)
	if err := b.Poll(noWait); err != nil { // has read the file's message
		t.Fatal(err)
	}
	b = pass(t, via, out, b)
	hear[*os.File](t, b).Close()
	_ = b.Poll(noWait) // has read part of the large message
	b = pass(t, via, out, b)
	defer b.Close()
	if got, err := b.ReceiveBytes(t.Context()); !bytes.Equal(got, big) || err != nil || <-sent != nil {
		t.Fatal(len(got), err)
	}
	n := fillUp(t, a, blockSize) // gives up in the middle of a block
	a = pass(t, via, out, a)
	defer a.Close()
	go func() { sent <- a.SendBytes(t.Context(), []byte("last")) }()
	for range n {
		if got, err := b.ReceiveBytes(t.Context()); len(got) != blockSize || err != nil {
			t.Fatal(len(got), err)
		}
	}
	if got, err := b.ReceiveBytes(t.Context()); string(got) != "last" || <-sent != nil {
		t.Fatal(string(got), err)
	}
}

func TestConn_TravelsOneWayAndAgain(t *testing.T) {
	via, out := pipe(t)
	r, s, err := PipeOneWay()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tell(t, via, []*Conn{r})
	tell(t, via, []*Conn{r}) // a second try, as after a failure
	r.Close()
	first := hear[[]*Conn](t, out)[0]
	defer first.Close()
	second := hear[[]*Conn](t, out)[0]
	second.Close()
	if err := Send(t.Context(), first, 1); err != ErrOneWay {
		t.Error(err)
	}
	tell(t, s, 1)
	if got := hear[int](t, first); got != 1 {
		t.Error(got)
	}
	if err := Send(t.Context(), via, r); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed connection travelled: %v", err)
	}
	receiving := make(chan error)
	go func() {
		_, err := Receive[int](t.Context(), first)
		receiving <- err
	}()
	for len(first.rx.turn) == 0 {
	}
	if err := Send(t.Context(), via, first); !errors.Is(err, errBusyConn) {
		t.Errorf("travelled while somebody received: %v", err)
	}
	s.Close()
	if err := <-receiving; err != io.EOF {
		t.Error(err)
	}
}

func TestConn_FilesNeedAUnixSocket(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0", ConnConfig{Key: key})
	a, b := dial(t, l, ConnConfig{Key: key}), accept(t, l)
	x, _ := pipe(t)
	if err := Send(t.Context(), a, x); err == nil {
		t.Error("a descriptor went over TCP")
	}
	tell(t, a, 1)
	if got := hear[int](t, b); got != 1 {
		t.Error(got)
	}
	// A TCP connection itself can travel over a unix socket.
	via, out := pipe(t)
	tell(t, via, b)
	b.Close()
	b = hear[*Conn](t, out)
	defer b.Close()
	tell(t, a, 2)
	if got := hear[int](t, b); got != 2 {
		t.Error(got)
	}
}

// roleFlood sends messages of all sizes, numbered, until it is killed.
var roleFlood = addRole("flood", func(ctx context.Context, parent *Conn) error {
	for i := 0; ; i++ {
		b := bytes.Repeat([]byte{byte(i)}, rand.IntN(3*blockSize))
		if err := parent.SendBytes(ctx, b); err != nil {
			return err
		}
	}
})

// The sender is killed at any instant: every message is whole and in order, and then comes the
// end.
func TestG61_SenderKilled(t *testing.T) {
	cut := 0
	for range 100 {
		c := startRole(t, roleFlood)
		if err := c.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = c.cmd.Process.Kill() })
		for i := 0; ; i++ {
			got, err := c.ReceiveBytes(t.Context())
			if errors.Is(err, io.ErrUnexpectedEOF) {
				cut++
				break
			}
			if err == io.EOF {
				break
			}
			if err != nil || bytes.Count(got, []byte{byte(i)}) != len(got) {
				t.Fatalf("message %d is torn: %v", i, err)
			}
		}
		c.kill()
		c.Close()
	}
	t.Logf("%d were cut in the middle of a message", cut)
}

// The receiver is killed at any instant: the sender is told, and does not hang.
func TestG61_ReceiverKilled(t *testing.T) {
	for range 50 {
		c := startRole(t, roleEcho)
		x, y := pipe(t)
		tell(t, c.Conn, y)
		y.Close()
		if err := x.SendBytes(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := x.ReceiveBytes(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(rand.IntN(8000))*time.Microsecond, func() { _ = c.cmd.Process.Kill() })
		for {
			err := x.SendBytes(t.Context(), make([]byte, 50_000))
			if err == nil {
				_, err = x.ReceiveBytes(t.Context())
			}
			if err == nil {
				continue
			}
			if err != ErrPeerClosed && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			break
		}
		c.kill()
		x.Close()
	}
}

// When descriptors run out, a message that brings some is lost, with an error that says so;
// the connection goes on.
func TestConn_DescriptorsRunOut(t *testing.T) {
	a, b := pipe(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	tell(t, a, []*os.File{r, w, r})
	tell(t, a, "after")
	tell(t, a, []*os.File{r})
	restore := leaveRoomForOne(t)
	_, err = Receive[[]*os.File](t.Context(), b)
	restore()
	if err == nil {
		t.Error("three files came where there was room for one")
	}
	if got := hear[string](t, b); got != "after" {
		t.Error(got)
	}
	hear[[]*os.File](t, b)[0].Close()
}

// leaveRoomForOne uses up the descriptors of this process but one, until restore is called.
func leaveRoomForOne(t *testing.T) (restore func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	low := before
	low.Cur = min(before.Cur, uint64(openFiles(t)+100))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	var used []int
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			break
		}
		used = append(used, fd)
	}
	give := func(fds []int) {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
	give(used[:1])
	return func() {
		give(used[1:])
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	}
}
