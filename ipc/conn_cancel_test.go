package ipc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

var errEnough = errors.New("enough")

func TestG63_CancelledReceiveTakesNothing(t *testing.T) {
	a, b := pipe(t)
	for i := range 200 {
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		var got int
		go func() {
			v, err := Receive[int](ctx, b)
			got = v
			done <- err
		}()
		go cancel(errEnough)
		go func() { _ = Send(t.Context(), a, i) }()
		if err := <-done; err == errEnough {
			got = hear[int](t, b)
		} else if err != nil {
			t.Fatal(err)
		}
		if got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
		cancel(nil)
	}
}

func TestG63_EndedContextDoesNothing(t *testing.T) {
	a, b := pipe(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	tell(t, a, 1)
	if _, err := Receive[int](ctx, b); err != errEnough {
		t.Errorf("receive: %v", err)
	}
	if err := Send(ctx, a, 2); err != errEnough {
		t.Errorf("send: %v", err)
	}
	tell(t, a, 3)
	if x, y := hear[int](t, b), hear[int](t, b); x != 1 || y != 3 {
		t.Error(x, y)
	}
}

// A send that is cancelled before anything, in the middle, and at the end of its message must
// not be delivered, and must not harm those around it.
func TestG63_CancelledSendIsForgotten(t *testing.T) {
	a, b := pipe(t)
	cancelled := 0
	for i := range 300 {
		size := rand.IntN(8 * blockSize)
		ctx, cancel := context.WithCancelCause(t.Context())
		sent := make(chan error)
		go func() { sent <- a.SendBytes(ctx, bytes.Repeat([]byte{1}, size)) }()
		received := make(chan []byte)
		go func() {
			for {
				got, err := b.ReceiveBytes(t.Context())
				if err != nil {
					t.Error(err)
				}
				received <- got
				if len(got) == 0 || got[0] == 2 {
					return
				}
			}
		}()
		if i%2 == 0 {
			go cancel(errEnough)
		} else {
			cancel(errEnough)
		}
		err := <-sent
		go func() { _ = a.SendBytes(t.Context(), []byte{2, byte(i)}) }()
		got := <-received
		switch {
		case err == nil && size > 0:
			if len(got) != size || bytes.Count(got, []byte{1}) != size {
				t.Fatalf("%d: %d bytes of %d", i, len(got), size)
			}
			got = <-received
		case err == nil:
			continue
		case err == errEnough:
			cancelled++
		default:
			t.Fatal(err)
		}
		if !bytes.Equal(got, []byte{2, byte(i)}) {
			t.Fatalf("%d: got %d bytes, want the message behind it; %v", i, len(got), err)
		}
	}
	if cancelled == 0 {
		t.Error("no send was cancelled")
	}
}

// fillUp sends until the connection does not take any more, and returns how many bytes of
// messages the other side has to receive.
func fillUp(t *testing.T, c *Conn, size int) (messages int) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := c.SendBytes(ctx, make([]byte, size))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return messages
		}
		if err != nil {
			t.Fatal(err)
		}
		messages++
	}
}

func TestG63_SlowReceiver(t *testing.T) {
	for _, size := range []int{0, 1, 1000, blockSize - 1, blockSize, 3 * blockSize} {
		a, b := pipe(t)
		for range 3 {
			n := fillUp(t, a, size)
			last := make(chan error)
			go func() { last <- a.SendBytes(t.Context(), []byte("last")) }()
			for i := range n {
				got, err := b.ReceiveBytes(t.Context())
				if err != nil || len(got) != size {
					t.Fatalf("size %d, message %d of %d: %d bytes, %v", size, i, n, len(got), err)
				}
			}
			got, err := b.ReceiveBytes(t.Context())
			if string(got) != "last" || <-last != nil {
				t.Fatalf("size %d: %q, %v", size, got, err)
			}
		}
	}
}

func TestG63_SendWaitsForItsTurn(t *testing.T) {
	a, b := pipe(t)
	n := fillUp(t, a, 1000)
	first := make(chan error)
	go func() { first <- a.SendBytes(t.Context(), []byte("first")) }()
	for len(a.tx.turn) == 0 {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	second := make(chan error)
	go func() { second <- a.SendBytes(ctx, []byte("second")) }()
	cancel(errEnough)
	if err := <-second; err != errEnough {
		t.Error(err)
	}
	for range n {
		if _, err := b.ReceiveBytes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.ReceiveBytes(t.Context()); string(got) != "first" || <-first != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConn_CloseEndsBlockedSend(t *testing.T) {
	a, b := pipe(t)
	fillUp(t, a, 1000)
	done := make(chan error)
	go func() { done <- a.SendBytes(t.Context(), make([]byte, 1000)) }()
	for len(a.tx.turn) == 0 {
		runtime.Gosched()
	}
	a.Close()
	if err := <-done; err != ErrClosed {
		t.Error(err)
	}
	b.Close()
}

func TestConn_PeerClosedEndsBlockedSend(t *testing.T) {
	a, b := pipe(t)
	fillUp(t, a, 1000)
	done := make(chan error)
	go func() { done <- a.SendBytes(t.Context(), make([]byte, 1000)) }()
	b.Close()
	if err := <-done; err != ErrPeerClosed {
		t.Error(err)
	}
	if err := a.SendBytes(t.Context(), nil); err != ErrPeerClosed {
		t.Error(err)
	}
	if _, err := a.ReceiveBytes(t.Context()); err != io.EOF {
		t.Error(err)
	}
}

// plainPair makes two ends over a connection that is no socket, as of TLS.
func plainPair(t testing.TB) (a, b *Conn) {
	x, y := net.Pipe()
	a, b = newConn(newStream(x), true), newConn(newStream(y), true)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestG63_OverAnythingThatIsANetConn(t *testing.T) {
	a, b := plainPair(t)
	var sent, received atomic.Int64
	go func() {
		defer a.Close()
		for range 500 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(300))*time.Microsecond)
			err := a.SendBytes(ctx, make([]byte, rand.IntN(3*blockSize)))
			cancel()
			if err == nil {
				sent.Add(1)
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
				return
			}
		}
	}()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(300))*time.Microsecond)
		_, err := b.ReceiveBytes(ctx)
		cancel()
		switch {
		case err == nil:
			received.Add(1)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the last was cancelled
			if sent.Load() != received.Load() {
				t.Errorf("%d sent, %d received", sent.Load(), received.Load())
			}
			return
		case !errors.Is(err, context.DeadlineExceeded):
			t.Fatal(err)
		}
	}
}

func TestConn_PollOverPlain(t *testing.T) {
	a, b := plainPair(t)
	if err := b.Poll(noWait); err != errBusy {
		t.Errorf("nothing there: %v", err)
	}
	sent := make(chan error)
	go func() { sent <- Send(t.Context(), a, 1) }()
	if err := b.Poll(t.Context()); err != nil {
		t.Error(err)
	}
	if got := hear[int](t, b); got != 1 || <-sent != nil {
		t.Error(got)
	}
	if err := Send(t.Context(), a, struct{ C *Conn }{b}); err == nil {
		t.Error("a connection that is no socket travelled")
	}
}
