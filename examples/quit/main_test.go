package main

import (
	"strings"
	"testing"
	"testing/synctest"
)

func TestJoeCleansUpBeforeWeLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		if err := run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if out.String() != "Joe 0\nJoe 1\nJoe 2\nJoe: see you!\n" {
			t.Fatal(out.String())
		}
	})
}
