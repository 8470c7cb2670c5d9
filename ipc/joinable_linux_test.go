package ipc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

func newTestTasks[T any](t testing.TB, items int, options ...QueueOption) *JoinableQueue[T] {
	t.Helper()
	q, err := NewJoinableQueue[T](items, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Detach() })
	return q
}

func TestJoinableOrder(t *testing.T) {
	q := newTestTasks[int](t, 100)
	for i := range 10 {
		if err := q.Put(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 5}
	for _, n := range want {
		task, err := q.Get(t.Context())
		if err != nil || task.Value != n {
			t.Fatal(task, err, n)
		}
		if task.Deliveries == 1 && n%5 == 0 {
			err = task.Fail()
		} else {
			err = task.Done()
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := task.Done(); !errors.Is(err, ErrNotOwner) {
			t.Fatal(err)
		}
	}
	if err := q.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := q.TryGet(); ok || err != nil {
		t.Fatal(ok, err)
	}
	q.Close()
	if _, err := q.Get(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := q.Put(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestJoinableSizes(t *testing.T) {
	q := newTestTasks[[]byte](t, 0, QueueBytes(1<<16))
	var open []*Task[[]byte]
	check := func(i int) {
		task := open[i]
		if len(task.Value) > 0 && !bytes.Equal(task.Value, bytes.Repeat(task.Value[:1], len(task.Value))) {
			t.Fatal("torn")
		}
		if err := task.Done(); err != nil {
			t.Fatal(err)
		}
		open = append(open[:i], open[i+1:]...)
	}
	for n := range 2000 {
		b := bytes.Repeat([]byte{byte(n)}, rand.IntN(10000))
		for {
			ok, err := q.TryPut(b)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				break
			}
			check(rand.IntN(len(open)))
		}
		task, err := q.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, task)
	}
	for len(open) > 0 {
		check(0)
	}
	s := q.b.(*sharedTasks)
	if s.chunksTaken.Load() != 0 || s.unfinished.Load() != 0 || s.filed.Load() != 0 {
		t.Error(s.chunksTaken.Load(), s.unfinished.Load(), s.filed.Load())
	}
}

func TestJoinableFiles(t *testing.T) {
	q := newTestTasks[*os.File](t, 0)
	var tasks []*Task[*os.File]
	var ends []*os.File
	for range 20 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Put(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		w.Close()
		ends = append(ends, r)
	}
	for range 20 {
		task, err := q.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	for i, task := range tasks {
		task.Value.Close()
		if err := task.Fail(); err != nil {
			t.Fatal(i, err)
		}
	}
	for i := range tasks {
		task, err := q.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(task.Value, i)
		task.Value.Close()
		if err := task.Done(); err != nil {
			t.Fatal(err)
		}
		var j int
		if fmt.Fscan(ends[i], &j); j != i {
			t.Fatal(i, j)
		}
		ends[i].Close()
	}
}

// heldTask is what a consumer that is going to be killed gets.
var roleLeaser = addRole("leaser", func(ctx context.Context, parent *Conn) error {
	q, err := Receive[*JoinableQueue[int]](ctx, parent)
	if err != nil {
		return err
	}
	task, err := q.Get(ctx)
	if err != nil {
		return err
	}
	if err := Send(ctx, parent, task.Value); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
})

func TestG61_ConsumerOfTaskKilled(t *testing.T) {
	for range 20 {
		q := newTestTasks[int](t, 0)
		c := startRole(t, roleLeaser)
		tell(t, c.Conn, q)
		if err := q.Put(t.Context(), 42); err != nil {
			t.Fatal(err)
		}
		if v := hear[int](t, c.Conn); v != 42 {
			t.Fatal(v)
		}
		joined := make(chan error)
		go func() { joined <- q.Join(t.Context()) }()
		got := make(chan *Task[int])
		go func() {
			task, err := q.Get(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- task
		}()
		c.kill()
		task := <-got
		if task.Value != 42 || task.Deliveries != 2 {
			t.Fatal(task.Value, task.Deliveries)
		}
		if err := task.Done(); err != nil {
			t.Fatal(err)
		}
		if err := <-joined; err != nil {
			t.Fatal(err)
		}
		c.Close()
		q.Detach()
	}
}

// The tasks of a dead consumer come before all others, also to those who need not wait.
func TestG61_TasksOfTheDeadComeFirst(t *testing.T) {
	q := newTestTasks[int](t, 0)
	var ps []*child
	for i := range 3 {
		if err := q.Put(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		p := startRole(t, roleLeaser)
		tell(t, p.Conn, q)
		if v := hear[int](t, p.Conn); v != i {
			t.Fatal(v)
		}
		ps = append(ps, p)
	}
	for i := 3; i < 10_000; i++ {
		if err := q.Put(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{0, 2, 1} { // with one who comes after the first has died
		ps[i].kill()
		if i == 0 {
			p := startRole(t, roleLeaser)
			tell(t, p.Conn, q)
			if v := hear[int](t, p.Conn); v != 0 && v != 3 {
				t.Fatal(v)
			}
			ps = append(ps, p)
		}
	}
	ps[3].kill()
	again := 0
	for range 10_000 {
		task, err := q.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if task.Deliveries > 1 {
			again++
		}
		if err := task.Done(); err != nil {
			t.Fatal(err)
		}
		if again >= 3 && task.Value > 9000 {
			break
		}
	}
	if n, err := q.Len(); again < 3 || n == 0 || err != nil {
		t.Errorf("%d tasks were delivered again while %d others waited, %v", again, n, err)
	}
}
