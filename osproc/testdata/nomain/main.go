// Command nomain uses osproc and does not call Main.
package main

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/osproc"
)

var f = osproc.Register("f", func(_ context.Context, n int) (int, error) { return n, nil })

func main() {
	_, err := f.Start(context.Background(), 1)
	fmt.Println("start:", err)
}
