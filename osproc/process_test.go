//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

func TestWaitReturnsTheResult(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[int]](t)(double.Start(t.Context(), 21))
	n, err := p.Wait(t.Context())
	if n != 42 || err != nil {
		t.Fatal(n, err)
	}
	if status, ok := p.ExitStatus(); !ok || !status.Success() {
		t.Error(status, ok)
	}
	if p.Alive() || p.Err() != nil {
		t.Error("alive", p.Err())
	}
	if again, err := p.Wait(t.Context()); again != 42 || err != nil {
		t.Error("a second Wait:", again, err)
	}
	if err := p.Kill(); !errors.Is(err, os.ErrProcessDone) {
		t.Error("Kill after the end:", err)
	}
	if usage, ok := p.Usage(); !ok || usage.MaxMemory < 1<<20 {
		t.Error(usage, ok)
	}
}

func TestErrorsKeepTextAndIdentity(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[int]](t)(failing.Start(t.Context(), "half way"))
	n, err := p.Wait(t.Context())
	if !errors.Is(err, errKnown) || err.Error() != "half way: "+errKnown.Error() || n != 0 {
		t.Error(n, err)
	}
}

func TestPanicComesBackWithItsStack(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[int]](t)(panicing.Start(t.Context(), "on purpose"))
	_, err := p.Wait(t.Context())
	var panicked *osproc.PanicError
	if !errors.As(err, &panicked) || panicked.Value != "on purpose" || err.Error() != "osproc: panic: on purpose" ||
		!strings.Contains(strings.Join(strings.SplitN(panicked.Stack, "\n", 4)[:3], " "), "main_test.go") {
		t.Errorf("%v", err)
	}
}

func TestGoexitIsAnError(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Process[int]](t)(leaving.Start(t.Context(), 0))
	if _, err := p.Wait(t.Context()); !errors.Is(err, osproc.ErrGoexit) {
		t.Error(err)
	}
}

func TestExitStatusTellsSignalsFromCodes(t *testing.T) {
	nothingLeft(t)
	for _, c := range []struct {
		start func() (*osproc.Process[int], error)
		want  osproc.ExitStatus
	}{
		{func() (*osproc.Process[int], error) { return exiting.Start(t.Context(), 0) }, osproc.ExitStatus{}},
		{func() (*osproc.Process[int], error) { return exiting.Start(t.Context(), 7) }, osproc.ExitStatus{Code: 7}},
		{func() (*osproc.Process[int], error) { return killing.Start(t.Context(), syscall.SIGKILL) }, osproc.ExitStatus{Code: -1, Signal: syscall.SIGKILL}},
		{func() (*osproc.Process[int], error) { return killing.Start(t.Context(), syscall.SIGHUP) }, osproc.ExitStatus{Code: -1, Signal: syscall.SIGHUP}},
	} {
		p := must[*osproc.Process[int]](t)(c.start())
		_, err := p.Wait(t.Context())
		var exit *osproc.ExitError
		if !errors.As(err, &exit) || exit.Status != c.want || exit.Cause != nil || exit.PID != p.PID() {
			t.Errorf("want %v, got %v", c.want, err)
		}
		if status, _ := p.ExitStatus(); status != c.want {
			t.Error(status)
		}
	}
}

func TestTerminateAndInterruptEndTheContext(t *testing.T) {
	nothingLeft(t)
	for _, c := range []struct {
		tell  func(*osproc.Child) error
		cause error
	}{
		{(*osproc.Child).Terminate, osproc.ErrTerminated},
		{(*osproc.Child).Interrupt, osproc.ErrInterrupted},
	} {
		post := newSignpost(t)
		p := must[*osproc.Process[string]](t)(waiting.Start(t.Context(), post.w))
		if pid := post.next(); pid != p.PID() {
			t.Error(pid, p.PID())
		}
		if !p.Alive() {
			t.Error("not alive")
		}
		if err := c.tell(p.Child); err != nil {
			t.Error(err)
		}
		_, err := p.Wait(t.Context())
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestTheCauseIsToldInTheChild(t *testing.T) {
	p := must[*osproc.Process[error]](t)(tellCause.Start(t.Context(), nil))
	p.Terminate()
	if cause, err := p.Wait(t.Context()); !errors.Is(cause, osproc.ErrTerminated) || err != nil {
		t.Error(cause, err)
	}
}

var tellCause = osproc.Register("tellCause", func(ctx context.Context, _ *os.File) (error, error) {
	<-ctx.Done()
	return context.Cause(ctx), nil
})

func TestKill(t *testing.T) {
	nothingLeft(t)
	post := newSignpost(t)
	p := must[*osproc.Process[int]](t)(deaf.Start(t.Context(), post.w))
	post.next()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err := p.Wait(t.Context())
	var exit *osproc.ExitError
	if !errors.As(err, &exit) || exit.Status.Signal != syscall.SIGKILL || !errors.Is(err, osproc.ErrKilled) {
		t.Error(err)
	}
}

func TestStopKillsAChildThatIgnoresSIGTERM(t *testing.T) {
	nothingLeft(t)
	for _, grace := range []time.Duration{-1, time.Millisecond, 50 * time.Millisecond} {
		post := newSignpost(t)
		p := must[*osproc.Process[int]](t)(deaf.StartWith(t.Context(), post.w, osproc.Config{Grace: grace}))
		post.next()
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, _ := p.ExitStatus(); status.Signal != syscall.SIGKILL {
			t.Error(status)
		}
		if err := p.Err(); !errors.Is(err, osproc.ErrTerminated) {
			t.Error(err)
		}
	}
}

func TestG63_TheContextOfStartEndsTheChild(t *testing.T) {
	nothingLeft(t)
	why := errors.New("because")
	for _, grace := range []time.Duration{0, -1} {
		ctx, cancel := context.WithCancelCause(t.Context())
		post := newSignpost(t)
		p := must[*osproc.Process[string]](t)(waiting.StartWith(ctx, post.w, osproc.Config{Grace: grace}))
		post.next()
		cancel(why)
		_, err := p.Wait(t.Context())
		if grace == 0 && !errors.Is(err, context.Canceled) { // the function has returned
			t.Error(err)
		}
		if !errors.Is(err, why) {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := double.Start(ctx, 1); !errors.Is(err, why) {
		t.Error(err)
	}
}

func TestG63_WaitEndsWithItsContext(t *testing.T) {
	nothingLeft(t)
	post := newSignpost(t)
	p := must[*osproc.Process[string]](t)(waiting.Start(t.Context(), post.w))
	post.next()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Wait(ctx); !errors.Is(err, context.Canceled) || !p.Alive() {
		t.Error(err, p.Alive())
	}
	if err := p.Poll(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.Kill()
	<-p.Done()
}

func TestWaitAll(t *testing.T) {
	nothingLeft(t)
	var all []osproc.Waiter
	for i := range 5 {
		all = append(all, must[*osproc.Process[int]](t)(double.Start(t.Context(), i)))
	}
	bad := must[*osproc.Process[int]](t)(failing.StartWith(t.Context(), "no", osproc.Config{Name: "the bad one"}))
	all = append(all, bad)
	err := osproc.WaitAll(t.Context(), all...)
	if !errors.Is(err, errKnown) || !strings.Contains(err.Error(), "the bad one: no") {
		t.Error(err)
	}
	for _, w := range all {
		<-w.Done()
	}
}

func TestConcurrentStarts(t *testing.T) {
	nothingLeft(t)
	results := make(chan error, 30)
	for i := range cap(results) {
		go func() {
			p, err := double.Start(t.Context(), i)
			if err == nil {
				_, err = p.Wait(t.Context())
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkStartWait(b *testing.B) {
	for b.Loop() {
		p := must[*osproc.Process[int]](b)(double.Start(b.Context(), 4))
		must[int](b)(p.Wait(b.Context()))
	}
}
