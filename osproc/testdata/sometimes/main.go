// Command sometimes calls Main only when it has arguments, and so not in its workers.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

var f = osproc.Register("f", func(_ context.Context, n int) (int, error) { return n, nil })

func main() {
	mode := "late"
	if len(os.Args) > 1 && (os.Args[1] == "sometimes" || os.Args[1] == "late") {
		osproc.Main()
		mode = os.Args[1]
		os.Setenv("SOMETIMES_MODE", mode)
		_, err := f.StartWith(context.Background(), 1, osproc.Config{Patience: 500 * time.Millisecond, Name: mode})
		fmt.Println("start:", err)
		return
	}
	// A worker gets here.
	if _, err := f.Start(context.Background(), 1); err == nil {
		fmt.Println("a grandchild was started")
	}
	if os.Getenv("SOMETIMES_MODE") == "late" {
		time.Sleep(time.Hour)
	}
	os.Exit(3)
}
