package ipc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
)

func newTestQueue[T any](t testing.TB, items int, options ...QueueOption) *Queue[T] {
	t.Helper()
	q, err := NewQueue[T](items, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Detach() })
	return q
}

func TestQueueOrder(t *testing.T) {
	q := newTestQueue[int](t, 4, QueueBytes(4096))
	go func() {
		for i := range 10000 {
			if err := q.Put(t.Context(), i); err != nil {
				t.Error(err)
			}
		}
		q.Close()
	}()
	i := 0
	for v, err := range q.All(t.Context()) {
		if err != nil || v != i {
			t.Fatal(v, err, i)
		}
		i++
	}
	if i != 10000 {
		t.Fatal(i)
	}
}

func TestQueueSizes(t *testing.T) {
	q := newTestQueue[[]byte](t, 0, QueueBytes(1<<16))
	for n := range 300 {
		n = n * n * 2
		b := bytes.Repeat([]byte{byte(n)}, n)
		if err := q.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if got, err := q.Get(t.Context()); err != nil || !bytes.Equal(got, b) {
			t.Fatal(n, len(got), err)
		}
	}
}

func TestQueueFull(t *testing.T) {
	q := newTestQueue[int](t, 3)
	for i := range 5 {
		ok, err := q.TryPut(i)
		if ok != (i < 3) || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	if n, err := q.Len(); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("cause")
	got := make(chan error)
	go func() { got <- q.Put(ctx, 4) }()
	cancel(cause)
	if err := <-got; err != cause {
		t.Fatal(err)
	}
}

func TestQueueFiles(t *testing.T) {
	q := newTestQueue[*os.File](t, 8)
	for i := range 40 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Put(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		w.Close()
		w, err = q.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(w, i)
		w.Close()
		var j int
		if fmt.Fscan(r, &j); j != i {
			t.Fatal(j)
		}
		r.Close()
	}
}

func TestGetInto(t *testing.T) {
	q := newTestQueue[[]byte](t, 0, QueueBytes(1<<14))
	buf := make([]byte, 0, 5000)
	for _, n := range []int{0, 1, 127, 128, 4999, 5000, 5001, 20_000} { // the last one travels alone
		want := bytes.Repeat([]byte{byte(n)}, n)
		if err := q.Put(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := GetInto(t.Context(), q, buf)
		if err != nil || !bytes.Equal(got, want) || got == nil {
			t.Fatal(n, len(got), err)
		}
		if mine := &got[:1][0] == &buf[:1][0]; mine != (n <= cap(buf)) {
			t.Errorf("%d bytes: in the memory of buf %v", n, mine)
		}
	}
	if err := q.Put(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, err := GetInto(t.Context(), q, buf); got != nil || err != nil {
		t.Errorf("nil became %v, %v", got, err)
	}
	go q.Put(t.Context(), []byte("late"))
	if got, err := GetInto(t.Context(), q, nil); string(got) != "late" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	q.Close()
	if _, err := GetInto(t.Context(), q, buf); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// Every message fits behind every other, wherever in the ring that is.
func TestQueuePlaces(t *testing.T) {
	for n := range 40 {
		q := newTestQueue[[]byte](t, 0, QueueBytes(4096))
		for i := range 300 {
			size := (i * n) % 97
			if i%5 == 4 {
				q.b.(*sharedQueue).lastSize = ringHeader // as in a process that has not put anything yet
			}
			if err := q.Put(t.Context(), bytes.Repeat([]byte{byte(i)}, size)); err != nil {
				t.Fatal(err)
			}
			if i < n {
				continue // so that some wait
			}
			got, err := q.Get(t.Context())
			if j := byte(i - n); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{j}, (i-n)*n%97)) {
				t.Fatal(n, i, got, err)
			}
		}
		q.Detach()
	}
}
