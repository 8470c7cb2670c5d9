package csp_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func TestRunCancelsAndWaitsForLeftovers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ended := 0
		err := csp.Run(bg, func(s *csp.Scope) error {
			s.Go(func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Minute) // cleaning up takes a while
				ended++
				return ctx.Err()
			})
			return nil
		})
		if err != nil || ended != 1 {
			t.Fatal(err, ended)
		}
	})
}

func TestScopeFirstErrorCancelsAndCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		first := errors.New("first")
		s := csp.NewScope(bg)
		s.Go(func(ctx context.Context) error {
			<-ctx.Done()
			if context.Cause(ctx) != first {
				t.Error("cancelled because of", context.Cause(ctx))
			}
			return errors.New("second")
		})
		s.Go(func(context.Context) error {
			time.Sleep(time.Second)
			return first
		})
		if err := s.Wait(); err != first {
			t.Fatal(err)
		}
	})
}

func TestScopeWaitDoesNotCancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := csp.NewScope(bg)
		n := 0
		s.Go(func(ctx context.Context) error {
			time.Sleep(time.Second)
			s.Go(func(context.Context) error { n++; return ctx.Err() })
			return ctx.Err()
		})
		if err := s.Wait(); err != nil || n != 1 {
			t.Fatal(err, n)
		}
		if s.Context().Err() == nil {
			t.Fatal("the context outlives the scope")
		}
	})
}

func explode() { panic(errors.New("boom")) }

func TestG54_PanicComesOutAtWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := csp.NewScope(bg)
		s.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
		s.Go(func(context.Context) error { explode(); return nil })
		err := s.Wait()
		var p *csp.PanicError
		if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "explode") {
			t.Fatal("no panic with its stack:", err)
		}
		if err.Error() != "csp: panic: boom" || errors.Unwrap(err).Error() != "boom" {
			t.Fatal(err)
		}
	})
}

func TestScopePanicOutranksError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		err := csp.Run(bg, func(s *csp.Scope) error {
			s.Go(func(ctx context.Context) error { <-ctx.Done(); panic("while cleaning up") })
			return errors.New("ordinary")
		})
		var p *csp.PanicError
		if !errors.As(err, &p) {
			t.Fatal(err)
		}
	})
}

func TestRunBodyFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		want := errors.New("body")
		if err := csp.Run(bg, func(*csp.Scope) error { return want }); err != want {
			t.Fatal(err)
		}
		var p *csp.PanicError
		if err := csp.Run(bg, func(*csp.Scope) error { panic(1) }); !errors.As(err, &p) || p.Unwrap() != nil {
			t.Fatal(err)
		}
	})
}

func TestScopeGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := csp.NewScope(bg)
		s.Go(func(context.Context) error { runtime.Goexit(); return nil })
		if err := s.Wait(); !errors.Is(err, csp.ErrGoexit) {
			t.Fatal(err)
		}
	})
}

func TestRunSeesItsParentEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		err := csp.Run(ctx, func(s *csp.Scope) error {
			<-s.Context().Done()
			return s.Context().Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Fatal("the end of the parent was hidden:", err)
		}
	})
}
