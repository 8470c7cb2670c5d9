package main

import (
	"strings"
	"testing"
	"testing/synctest"
)

func Example_run() {
	main()
	// Output:
	// 1
	// 2
	// 3
	// 4
	// 5
	// 6
}

func TestErrorNamesTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context()); err == nil || !strings.Contains(err.Error(), "user 7: not found") {
			t.Fatal(err)
		}
	})
}
