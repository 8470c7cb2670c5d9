//go:build linux

package ipc_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

// In a worker of package osproc this serves, and never returns.
func init() { osproc.Main() }

// A desk is what a worker is given.
type desk struct {
	Manager *ipc.Manager
	Lock    *ipc.Lock
	Done    *ipc.Variable[int]
	Log     *ipc.List[int]
	In      *ipc.Queue[int]
	Out     *ipc.Conn
}

// work adds up what is in the queue, and says so in all the ways that there are.
func work(ctx context.Context, d desk) (*ipc.Variable[int], error) {
	sum, err := ipc.OpenVariable(ctx, d.Manager, "", 0)
	if err != nil {
		return nil, err
	}
	for n, err := range d.In.All(ctx) {
		if err != nil {
			return nil, err
		}
		if err := d.Lock.Lock(ctx); err != nil {
			return nil, err
		}
		_, err1 := sum.Update(ctx, func(s int) int { return s + n })
		_, err2 := d.Done.Update(ctx, func(k int) int { return k + 1 })
		_, err3 := d.Log.Append(ctx, n)
		if err := errors.Join(err1, err2, err3, d.Lock.Unlock()); err != nil {
			return nil, err
		}
	}
	return sum, ipc.Send(ctx, d.Out, os.Getpid())
}

var worker = osproc.Register("ipc_test.work", work)

// Everything of a manager can be an argument of a process, and a result.
func TestManager_ArgumentsOfProcesses(t *testing.T) {
	ctx := t.Context()
	m := ipc.NewManager()
	defer m.Close()
	lock, err1 := m.Lock(ctx, "")
	done, err2 := ipc.OpenVariable(ctx, m, "", 0)
	all, err3 := ipc.OpenList[int](ctx, m, "")
	in, err4 := ipc.OpenQueue[int](ctx, m, "", 100)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	var workers []*osproc.Process[*ipc.Variable[int]]
	var ends []*ipc.Conn
	for range 3 {
		here, there, err := ipc.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p, err := worker.Start(ctx, desk{m, lock, done, all, in, there})
		if err != nil {
			t.Fatal(err)
		}
		there.Close()
		workers, ends = append(workers, p), append(ends, here)
	}
	for i := range 60 {
		if err := in.Put(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	for i, c := range ends {
		pid, err := ipc.Receive[int](ctx, c)
		if err != nil || pid != workers[i].PID() {
			t.Error(pid, err)
		}
		c.Close()
	}
	sum := 0
	for _, p := range workers {
		v, err := p.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n, err := v.Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if n, err := done.Load(ctx); n != 60 || err != nil {
		t.Error(n, err)
	}
	if list, err := all.Copy(ctx); len(list) != 60 || err != nil {
		t.Error(len(list), err)
	}
	if sum != 59*60/2 {
		t.Errorf("the sum is %d", sum)
	}
}

// Processes, queues, connections and events are waited for together.
func TestWaitAny_AllSorts(t *testing.T) {
	ctx := t.Context()
	m := ipc.NewManager()
	defer m.Close()
	managed, err1 := ipc.OpenQueue[int](ctx, m, "", 1)
	shared, err2 := ipc.NewQueue[int](1)
	event, err3 := ipc.NewEvent()
	here, there, err4 := ipc.Pipe()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	p, err := sleeper.Start(ctx, there)
	if err != nil {
		t.Fatal(err)
	}
	there.Close()
	all := []ipc.Waitable{managed, shared, event, p, here}
	for i, makeReady := range []func() error{
		func() error { return managed.Put(ctx, 1) },
		func() error { return shared.Put(ctx, 1) },
		event.Set,
		p.Kill,
	} {
		found := make(chan int)
		go func() {
			n, err := ipc.WaitAny(ctx, all...)
			if err != nil {
				t.Error(err)
			}
			found <- n
		}()
		if err := makeReady(); err != nil {
			t.Fatal(err)
		}
		// The end of the process is also that of its end of the pipe.
		if n := <-found; n != i && !(i == 3 && n == 4) {
			t.Fatalf("%d is ready, not %d", i, n)
		}
		switch i {
		case 0:
			_, err = managed.Get(ctx)
		case 1:
			_, err = shared.Get(ctx)
		case 2:
			err = event.Clear()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sleeper waits for the end of its connection.
var sleeper = osproc.Register("ipc_test.sleep", func(ctx context.Context, c *ipc.Conn) (int, error) {
	return 0, c.Poll(ctx)
})
