package main

import (
	"strings"
	"testing"
	"testing/synctest"
)

func TestTheyTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		run(t.Context(), &out)
		want := "Joe 0\nAnn 0\nJoe 1\nAnn 1\nJoe 2\nAnn 2\nJoe 3\nAnn 3\nJoe 4\nAnn 4\nYou're both boring; I'm leaving.\n"
		if out.String() != want {
			t.Fatal(out.String())
		}
	})
}
