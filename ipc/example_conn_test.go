//go:build linux || darwin

package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/troupe-go/troupe/ipc"
)

type greeting struct {
	From string
	Text string
}

// One end of a pipe usually goes to another process, as an argument for example.
func ExamplePipe() {
	ctx := context.Background()
	here, there, err := ipc.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	defer here.Close()
	go func() {
		defer there.Close()
		_ = ipc.Send(ctx, there, greeting{"there", "hello"})
		_ = there.SendBytes(ctx, []byte("and bytes"))
	}()

	g, err := ipc.Receive[greeting](ctx, here)
	fmt.Println(g, err)
	b, err := here.ReceiveBytes(ctx)
	fmt.Println(string(b), err)
	_, err = here.ReceiveBytes(ctx)
	fmt.Println(err == io.EOF)
	// Output:
	// {there hello} <nil>
	// and bytes <nil>
	// true
}

// Open files go along with the value that they are in.
func ExampleSend() {
	ctx := context.Background()
	a, b, err := ipc.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	r, w, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := ipc.Send(ctx, a, map[string]*os.File{"log": w}); err != nil {
		log.Fatal(err)
	}
	w.Close() // ours; the other end has its own

	files, err := ipc.Receive[map[string]*os.File](ctx, b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(files["log"], "written at the other end")
	files["log"].Close()
	text, _ := io.ReadAll(r)
	fmt.Println(string(text))
	// Output: written at the other end
}

// A server: over TCP both sides need the same key.
func ExampleListen() {
	ctx := context.Background()
	key := ipc.NewKey() // kept where only the two programs can read it
	l, err := ipc.Listen("tcp", "127.0.0.1:0", ipc.ConnConfig{Key: key})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() { // usually in another program
		c, err := ipc.Dial(ctx, "tcp", l.Addr().String(), ipc.ConnConfig{Key: key})
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		_ = ipc.Send(ctx, c, greeting{"client", "may I come in?"})
	}()

	c, err := l.Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(ipc.Receive[greeting](ctx, c))
	// Output: {client may I come in?} <nil>
}

// Who has another key is not let in.
func ExampleDial() {
	ctx := context.Background()
	l, err := ipc.Listen("tcp", "127.0.0.1:0", ipc.ConnConfig{Key: ipc.NewKey()})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	_, err = ipc.Dial(ctx, "tcp", l.Addr().String(), ipc.ConnConfig{Key: ipc.NewKey()})
	fmt.Println(errors.Is(err, ipc.ErrAuth))
	// Output: true
}

// WaitAny waits for connections, queues, listeners and processes together.
func ExampleWaitAny() {
	ctx := context.Background()
	a, far, err := ipc.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	b, _, err := ipc.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	go ipc.Send(ctx, far, 42)

	i, err := ipc.WaitAny(ctx, b, a)
	fmt.Println(i, err)
	fmt.Println(ipc.Receive[int](ctx, a))
	// Output:
	// 1 <nil>
	// 42 <nil>
}
