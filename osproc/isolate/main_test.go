//go:build unix

package isolate_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
)

func TestMain(m *testing.M) {
	if os.Getenv(bareVariable) != "" {
		serveBare()
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // of the children, which come and go
	osproc.Main()
	m.Run()
}

// stage runs body as the root of a node.
func stage[M any](t testing.TB, body func(self *troupe.Self[M])) {
	t.Helper()
	err := troupe.Run(t.Context(), func(self *troupe.Self[M]) error {
		body(self)
		return nil
	}, troupe.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

const long = 20 * time.Second

// next receives, and ends the test if nothing comes.
func next[M any](t testing.TB, self *troupe.Self[M]) troupe.Message[M] {
	t.Helper()
	m := self.Receive(troupe.After(long))
	if m.Event == troupe.Timeout {
		t.Fatal("no message came")
	}
	return m
}

// reason waits for the end of pid.
func reason(t testing.TB, ctx context.Context, pid troupe.PID) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	err := pid.Wait(ctx)
	if ctx.Err() != nil {
		t.Fatalf("%v has not ended", pid)
	}
	return err
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}
