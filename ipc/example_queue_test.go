package ipc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe/ipc"
)

// A queue ends like a channel: Close says that nothing more comes, and All ends when everything
// was got.
func ExampleQueue() {
	ctx := context.Background()
	type job struct {
		Name string
		Size int
	}
	queue, err := ipc.NewQueue[job](16)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		_ = queue.Put(ctx, job{"a", 1})
		_ = queue.Put(ctx, job{"b", 2})
		_ = queue.Close()
	}()
	for j, err := range queue.All(ctx) {
		fmt.Println(j, err)
	}
	fmt.Println(errors.Is(queue.Put(ctx, job{}), ipc.ErrClosed))
	// Output:
	// {a 1} <nil>
	// {b 2} <nil>
	// true
}

// Handles travel through queues like everything else: here, a question brings along the queue
// for its answer.
func ExampleQueue_handles() {
	ctx := context.Background()
	type question struct {
		Text   string
		Answer *ipc.Queue[int]
	}
	questions, err := ipc.NewQueue[question](1)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		q, err := questions.Get(ctx)
		if err == nil {
			_ = q.Answer.Put(ctx, len(q.Text))
		}
	}()
	answer, err := ipc.NewQueue[int](1)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := questions.Put(ctx, question{"how long?", answer}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Get(ctx))
	// Output: 9 <nil>
}

// What cannot be encoded is an error of NewQueue, if that can be seen from the type.
func ExampleNewQueue() {
	_, err := ipc.NewQueue[chan int](1)
	fmt.Println(err != nil)
	_, err = ipc.NewQueue[string](1, ipc.QueueBytes(64<<10))
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A task that a worker does not finish comes back: at once if it says so, and when the worker
// dies if it cannot.
func ExampleJoinableQueue() {
	ctx := context.Background()
	tasks, err := ipc.NewJoinableQueue[string](0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"wash", "dry"} {
		_ = tasks.Put(ctx, name)
	}
	_ = tasks.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for task, err := range tasks.All(ctx) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(task.Value, task.Deliveries)
			if task.Value == "wash" && task.Deliveries == 1 {
				_ = task.Fail()
			} else {
				_ = task.Done()
			}
		}
	}()
	fmt.Println(tasks.Join(ctx))
	<-done
	// Unordered output:
	// wash 1
	// dry 1
	// wash 2
	// <nil>
}

func ExampleSimpleQueue() {
	ctx := context.Background()
	queue, err := ipc.NewSimpleQueue[[]byte]()
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = queue.Put(ctx, []byte("hello"))
	b, err := queue.Get(ctx)
	fmt.Printf("%s %v\n", b, err)
	fmt.Println(queue.Empty())
	// Output:
	// hello <nil>
	// true <nil>
}
