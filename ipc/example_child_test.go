//go:build linux

package ipc_test

import (
	"context"
	"fmt"
	"log"

	"github.com/troupe-go/troupe/ipc"
	"github.com/troupe-go/troupe/osproc"
)

// keep serves a manager in a process of its own, until its parent hangs up.
var keep = osproc.Register("ipc_test.keep", func(ctx context.Context, parent *ipc.Conn) (struct{}, error) {
	m := ipc.NewManager()
	defer m.Close()
	if err := ipc.Send(ctx, parent, m); err != nil {
		return struct{}{}, err
	}
	return struct{}{}, parent.Poll(ctx)
})

// As Python's Manager(), in a process of its own: what it keeps outlives whatever happens here, as
// long as somebody has it.
func ExampleNewManager() {
	ctx := context.Background()
	here, there, err := ipc.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	p, err := keep.Start(ctx, there)
	if err != nil {
		log.Fatal(err)
	}
	there.Close()
	m, err := ipc.Receive[*ipc.Manager](ctx, here)
	if err != nil {
		log.Fatal(err)
	}
	v, err := ipc.OpenVariable(ctx, m, "greeting", "hello")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Load(ctx))

	here.Close() // the manager ends
	_, err = p.Wait(ctx)
	fmt.Println(err)
	// Output:
	// hello <nil>
	// <nil>
}
