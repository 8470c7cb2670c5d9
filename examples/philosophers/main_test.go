package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEverybodyEats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		table := newTable(5, 20, &out)
		if err := table.dine(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != 100 {
			t.Fatal(n, "meals")
		}
		for i, fork := range table.forks {
			if fork.Len() != 1 {
				t.Fatal("fork", i, "was not put back")
			}
		}
	})
}

func TestDinnerCanBeCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := newTable(5, 1<<30, io.Discard).dine(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}
