package ipc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// pipe makes a pipe that is closed when the test ends.
func pipe(t testing.TB) (a, b *Conn) {
	t.Helper()
	a, b, err := Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

type job struct {
	ID   int
	Name string
	Data []byte
}

type other struct{ X float64 }

func TestConn_ValuesArriveInOrderAndWhole(t *testing.T) {
	a, b := pipe(t)
	sizes := []int{0, 1, maxInline - 60, maxInline, blockSize - 20, blockSize, blockSize + 1, 3*blockSize + 7, firstBody + 5, 3 << 20}
	go func() {
		for i, n := range sizes {
			if err := Send(t.Context(), a, job{i, "name", bytes.Repeat([]byte{byte(i)}, n)}); err != nil {
				t.Error(err)
			}
		}
		a.Close()
	}()
	for i, n := range sizes {
		got := hear[job](t, b)
		if got.ID != i || got.Name != "name" || len(got.Data) != n || bytes.Count(got.Data, []byte{byte(i)}) != n {
			t.Fatalf("message %d: %d %q %d bytes", i, got.ID, got.Name, len(got.Data))
		}
	}
	if _, err := Receive[job](t.Context(), b); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

func TestConn_BytesKeepTheirBoundaries(t *testing.T) {
	a, b := pipe(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	var sizes []int
	for i := range 400 {
		n := rnd.IntN(200)
		if i%10 == 0 {
			n = rnd.IntN(4 * blockSize)
		}
		sizes = append(sizes, n)
	}
	go func() {
		for i, n := range sizes {
			if err := a.SendBytes(t.Context(), bytes.Repeat([]byte{byte(i)}, n)); err != nil {
				t.Error(err)
			}
		}
	}()
	for i, n := range sizes {
		got, err := b.ReceiveBytes(t.Context())
		if err != nil || len(got) != n || bytes.Count(got, []byte{byte(i)}) != n {
			t.Fatalf("message %d: %d bytes, want %d: %v", i, len(got), n, err)
		}
	}
}

func TestConn_BothWaysAtOnce(t *testing.T) {
	a, b := pipe(t)
	const each = 2000
	var wg sync.WaitGroup
	for _, c := range []*Conn{a, b} {
		for from := range 4 {
			wg.Go(func() {
				for i := range each {
					if err := Send(t.Context(), c, [2]int{from, i}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			var next [4]int
			for range 4 * each {
				m, err := Receive[[2]int](t.Context(), c)
				if err != nil || m[1] != next[m[0]] {
					t.Errorf("got %v, want %d: %v", m, next[m[0]], err)
					return
				}
				next[m[0]]++
			}
		})
	}
	wg.Wait()
}

func TestConn_ReceiversShareTheMessages(t *testing.T) {
	a, b := pipe(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[int]int)
	for range 4 {
		wg.Go(func() {
			for {
				v, err := Receive[int](t.Context(), b)
				if err == io.EOF {
					return
				}
				mu.Lock()
				seen[v]++
				mu.Unlock()
			}
		})
	}
	for i := range 1000 {
		tell(t, a, i)
	}
	a.Close()
	wg.Wait()
	for i := range 1000 {
		if seen[i] != 1 {
			t.Fatalf("%d was received %d times", i, seen[i])
		}
	}
}

func TestConn_ReceiveInto(t *testing.T) {
	a, b := pipe(t)
	for _, s := range []string{"short", "much too long", "", "again"} {
		if err := a.SendBytes(t.Context(), []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 5)
	if n, err := b.ReceiveInto(t.Context(), buf); err != nil || string(buf[:n]) != "short" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	_, err := b.ReceiveInto(t.Context(), buf)
	var short *ShortBufferError
	if !errors.As(err, &short) || string(short.Message) != "much too long" || !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("too long: %v", err)
	}
	if n, err := b.ReceiveInto(t.Context(), buf); n != 0 || err != nil {
		t.Errorf("empty: %d, %v", n, err)
	}
	if n, err := b.ReceiveInto(t.Context(), buf); err != nil || string(buf[:n]) != "again" {
		t.Errorf("after the error: %q, %v", buf[:n], err)
	}
}

func TestConn_WrongTypeStaysAndCanBeDiscarded(t *testing.T) {
	a, b := pipe(t)
	tell(t, a, other{1.5})
	tell(t, a, 1)
	tell(t, a, job{ID: 7})
	if err := a.SendBytes(t.Context(), []byte("raw")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var wrong *TypeError
		if _, err := Receive[job](t.Context(), b); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "ipc.job") {
			t.Fatalf("want a TypeError, got %v", err)
		}
		if _, err := b.ReceiveBytes(t.Context()); !errors.As(err, &wrong) {
			t.Fatalf("want a TypeError, got %v", err)
		}
	}
	if got := hear[other](t, b); got.X != 1.5 {
		t.Error(got)
	}
	if err := b.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	if got := hear[job](t, b); got.ID != 7 {
		t.Error(got)
	}
	var wrong *TypeError
	if _, err := Receive[job](t.Context(), b); !errors.As(err, &wrong) || wrong.Sent != "3 bytes" {
		t.Error(err)
	}
	if got, err := b.ReceiveBytes(t.Context()); string(got) != "raw" {
		t.Error(got, err)
	}
}

func TestConn_WhatCannotBeEncodedIsAnErrorOfSend(t *testing.T) {
	a, b := pipe(t)
	err := Send(t.Context(), a, struct{ Done chan int }{})
	if err == nil || !strings.Contains(err.Error(), "Done") {
		t.Errorf("want an error that names the field, got %v", err)
	}
	type node struct{ Next *node }
	n := &node{}
	n.Next = n
	if err := Send(t.Context(), a, *n); err == nil {
		t.Error("a value that contains itself was sent")
	}
	tell(t, a, 5)
	if got := hear[int](t, b); got != 5 {
		t.Error(got)
	}
}

func TestConn_LargestMessage(t *testing.T) {
	a, b := pipe(t)
	a.SetMaxMessage(10)
	b.SetMaxMessage(5)
	err := a.SendBytes(t.Context(), make([]byte, 11))
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "11 bytes") {
		t.Errorf("at the sender: %v", err)
	}
	if err := a.SendBytes(t.Context(), make([]byte, 5)); err != nil {
		t.Error(err)
	}
	if err := a.SendBytes(t.Context(), make([]byte, 6)); err != nil {
		t.Error(err)
	}
	if got, err := b.ReceiveBytes(t.Context()); len(got) != 5 || err != nil {
		t.Error(got, err)
	}
	for range 2 {
		if _, err := b.ReceiveBytes(t.Context()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("at the receiver: %v", err)
		}
	}
	if err := b.SendBytes(t.Context(), []byte("hello")); err != nil {
		t.Errorf("the other direction: %v", err)
	}
	if got, err := a.ReceiveBytes(t.Context()); string(got) != "hello" {
		t.Error(got, err)
	}
}

func TestConn_OneWay(t *testing.T) {
	r, s, err := PipeOneWay()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer s.Close()
	tell(t, s, "hello")
	if got := hear[string](t, r); got != "hello" {
		t.Error(got)
	}
	if err := Send(t.Context(), r, "back"); err != ErrOneWay {
		t.Errorf("send at the receiving end: %v", err)
	}
	if _, err := Receive[string](t.Context(), s); err != io.EOF {
		t.Errorf("receive at the sending end: %v", err)
	}
}

func TestConn_Poll(t *testing.T) {
	a, b := pipe(t)
	gone, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if err := b.Poll(gone); err != why {
		t.Errorf("nothing there: %v", err)
	}
	tell(t, a, 1)
	for range 2 {
		if err := b.Poll(gone); err != nil {
			t.Errorf("a message is there: %v", err)
		}
	}
	if got := hear[int](t, b); got != 1 {
		t.Error(got)
	}
	if _, err := a.c.conn.Write([]byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if err := b.Poll(gone); err != why {
		t.Errorf("part of a message is there: %v", err)
	}
	a.Close()
	if err := b.Poll(t.Context()); err != nil {
		t.Errorf("the end is there: %v", err)
	}
	if _, err := Receive[int](t.Context(), b); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut in the middle: %v", err)
	}
}

func TestConn_PollWaits(t *testing.T) {
	a, b := pipe(t)
	ready := make(chan error)
	go func() { ready <- b.Poll(t.Context()) }()
	tell(t, a, make([]byte, 2<<20)) // more than fits: Poll reads it
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	if got := hear[[]byte](t, b); len(got) != 2<<20 {
		t.Error(len(got))
	}
}

func TestConn_Close(t *testing.T) {
	a, b := pipe(t)
	tell(t, a, 1)
	waiting := make(chan error)
	go func() {
		_, err := Receive[int](t.Context(), a)
		waiting <- err
	}()
	a.Close()
	if err := <-waiting; err != ErrClosed {
		t.Errorf("who waited: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := Send(t.Context(), a, 1); err != ErrClosed {
		t.Errorf("send: %v", err)
	}
	if err := a.Poll(t.Context()); err != nil {
		t.Errorf("poll: %v", err)
	}
	if got := hear[int](t, b); got != 1 {
		t.Error(got)
	}
	if _, err := Receive[int](t.Context(), b); err != io.EOF {
		t.Errorf("receive at the other end: %v", err)
	}
	if err := Send(t.Context(), b, 1); err != ErrPeerClosed {
		t.Errorf("send at the other end: %v", err)
	}
	var none Conn
	if err := Send(t.Context(), &none, 1); err != errNoConn {
		t.Errorf("empty Conn: %v", err)
	}
}
