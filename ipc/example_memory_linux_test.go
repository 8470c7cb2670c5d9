package ipc_test

import (
	"context"
	"fmt"
	"os"

	"github.com/troupe-go/troupe/ipc"
)

// Memory that other programs of the same user can find by a name, as long as this one lives.
func ExampleMemory() {
	name := fmt.Sprint("example-", os.Getpid())
	m, err := ipc.NewMemory(1 << 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Detach()
	if err := m.Publish(name); err != nil {
		fmt.Println(err)
		return
	}
	copy(m.Bytes(), "a picture")

	there, err := ipc.OpenMemory(context.Background(), name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer there.Detach()
	fmt.Printf("%s, %d bytes\n", there.Bytes()[:9], len(there.Bytes()))
	// Output: a picture, 1048576 bytes
}
