package csp_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe/csp"
)

func TestPutFunc(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(1))
		var results []error
		note := func(err error) { results = append(results, err) }
		for i := range 3 {
			if err := c.PutFunc(i, note); err != nil {
				t.Fatal(err)
			}
		}
		if len(results) != 1 {
			t.Fatal("only the first put had room, but", len(results), "have returned")
		}
		c.Close()
		_ = c.PutFunc(9, note)
		if len(results) != 2 || !errors.Is(results[1], csp.ErrClosed) {
			t.Fatal("a put after the close was not refused at once:", results)
		}
		equal(t, collect(c), count(3)) // in order, after the close
		synctest.Wait()
		if len(results) != 4 || results[2] != nil || results[3] != nil {
			t.Fatal("results", results)
		}
	})
}

func TestPutFuncBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Unbuffered())
		for i := range csp.MaxPending {
			if err := c.PutFunc(i, nil); err != nil {
				t.Fatal(i, err)
			}
		}
		if err := c.PutFunc(0, nil); !errors.Is(err, csp.ErrTooManyPending) {
			t.Fatal("one more returned", err)
		}
		c.Close()
		equal(t, collect(c), count(csp.MaxPending))
	})
}

func TestPutFuncAborted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		why := errors.New("enough")
		c := csp.New[int](csp.Unbuffered())
		results := make(chan error, 3)
		for i := range 3 {
			_ = c.PutFunc(i, func(err error) { results <- err })
		}
		c.Abort(why)
		for range 3 {
			if err := <-results; !errors.Is(err, why) {
				t.Fatal(err)
			}
		}
	})
}

func TestGetFunc(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(8))
		var got []int
		ended := 0
		note := func(v int, ok bool) {
			if !ok {
				ended++
				return
			}
			got = append(got, v)
		}
		_ = c.Put(bg, 0)
		_ = c.GetFunc(note)
		if len(got) != 1 {
			t.Fatal("a value was there, but the callback did not run at once")
		}
		for range 3 {
			_ = c.GetFunc(note)
		}
		_, _ = c.Add(bg, 1, 2)
		synctest.Wait()
		equal(t, got, count(3))
		c.Close()
		synctest.Wait()
		if ended != 1 {
			t.Fatal("ended", ended, "gets, want 1")
		}
		_ = c.GetFunc(note)
		if ended != 2 {
			t.Fatal("a get from a drained channel did not end at once")
		}
	})
}

func TestGetFuncBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Unbuffered())
		ignore := func(int, bool) {}
		for range csp.MaxPending {
			if err := c.GetFunc(ignore); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.GetFunc(ignore); !errors.Is(err, csp.ErrTooManyPending) {
			t.Fatal("one more returned", err)
		}
		c.Close()
	})
}

func TestCallbackMayUseItsChannel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := csp.New[int](csp.Fixed(1))
		var again func(int, bool)
		sum := 0
		again = func(v int, ok bool) {
			if ok {
				sum += v
				_ = c.GetFunc(again)
			}
		}
		_ = c.GetFunc(again)
		_, _ = c.Add(bg, 1, 2, 3)
		c.Close()
		synctest.Wait()
		if sum != 6 {
			t.Fatal(sum)
		}
	})
}
