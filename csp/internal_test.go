package csp

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestTotalSurvivesItsWord begins where the part of the state word that counts puts overflows.
func TestTotalSurvivesItsWord(t *testing.T) {
	const last = 1<<37 - 1
	c := New[int](Fixed(2))
	c.state.Store(last * success)
	for range 2 {
		if err := c.Put(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Puts != last+2 || s.Pending != 0 {
		t.Fatalf("%+v, want %d puts", s, last+2)
	}
	if c.Closed() || c.Drained() {
		t.Fatal("the overflow reached the flags")
	}
	c.Close()
	if c.TryPut(0) != Closed || len(c.C()) != 2 {
		t.Fatal("closing after the overflow went wrong")
	}
}

func TestStrings(t *testing.T) {
	c := New[int](Sliding(1))
	c.Close()
	d := New[int](Elastic())
	d.TryPut(1)
	d.CloseWithError(errors.New("out of paper"))
	for got, want := range map[string]string{
		c.String():              "chan[sliding(1), 0 buffered, drained]",
		d.String():              "chan[elastic, 1 buffered, closed]",
		d.closedError().Error(): "csp: channel was closed: out of paper",
		Dropping(2).String():    "dropping(2)",
		Unbuffered().String():   "fixed(0)",
		Done.String():           "done",
		Closed.String():         "closed",
		Status(9).String():      "invalid",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestErrorsNameThePackage holds every error of the package to the form they have.
func TestErrorsNameThePackage(t *testing.T) {
	for _, err := range []error{ErrClosed, ErrTooManyPending, ErrGoexit, &closeCause{ErrGoexit}, NewPanicError(1)} {
		if !strings.HasPrefix(err.Error(), "csp: ") {
			t.Error(err)
		}
	}
}
