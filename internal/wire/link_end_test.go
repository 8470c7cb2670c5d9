//go:build unix

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

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
