package troupe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
)

type (
	none   = troupe.None
	call   = troupe.Call[int, int]
	caller = *troupe.Self[call]
)

var (
	errBoom  = errors.New("boom")
	errOther = errors.New("other")
)

// silent keeps what nobody hears of out of the test's output.
func silent() troupe.RunOption { return troupe.Logger(slog.New(slog.DiscardHandler)) }

// play runs body as the root of a node, in a bubble with a clock of its own.
// The bubble fails the test if a goroutine is left over.
func play[M any](t *testing.T, body func(t *testing.T, self *troupe.Self[M]), opts ...troupe.RunOption) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		stage(t, body, opts...)
	})
}

// stage runs body as the root of a node, wherever it is called.
func stage[M any](t *testing.T, body func(t *testing.T, self *troupe.Self[M]), opts ...troupe.RunOption) {
	t.Helper()
	err := troupe.Run(t.Context(), func(self *troupe.Self[M]) error {
		body(t, self)
		return nil
	}, append([]troupe.RunOption{silent()}, opts...)...)
	if err != nil {
		t.Errorf("Run: %v", err)
		var p *troupe.PanicError
		if errors.As(err, &p) {
			t.Logf("%s", p.Stack)
		}
	}
}

// next receives, and fails the test when nothing comes.
func next[M any](t *testing.T, self *troupe.Self[M]) troupe.Message[M] {
	t.Helper()
	m := self.Receive(troupe.After(time.Hour))
	if m.Event == troupe.Timeout {
		t.Fatal("no message came")
	}
	return m
}

// wantNothing fails the test if there is mail, now or when all is quiet.
func wantNothing[M any](t *testing.T, self *troupe.Self[M]) {
	t.Helper()
	synctest.Wait()
	if m := self.Receive(troupe.After(0)); m.Event != troupe.Timeout {
		t.Errorf("unexpected message: %v", m)
	}
}

// wantEvent receives and compares all but the body.
func wantEvent[M any](t *testing.T, self *troupe.Self[M], event troupe.Event, from troupe.PID, reason error) {
	t.Helper()
	wantMessage(t, next(t, self), event, from, reason)
}

func wantMessage[M any](t *testing.T, m troupe.Message[M], event troupe.Event, from troupe.PID, reason error) {
	t.Helper()
	if m.Event != event || m.From != from || !errors.Is(m.Reason, reason) {
		t.Errorf("got %q (event %v), want event %v from %v with reason %v", m, m.Event, event, from, reason)
	}
}

// wantBodies receives one body for each of want, in that order.
func wantBodies[M comparable](t *testing.T, self *troupe.Self[M], want ...M) {
	t.Helper()
	for i, w := range want {
		if m := next(t, self); m.Event != troupe.Sent || m.Body != w {
			t.Fatalf("message %d is %q, want %v", i, m, w)
		}
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

// wantReason waits for the end of pid and compares its reason.
func wantReason(t *testing.T, ctx context.Context, pid troupe.PID, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	wantErr(t, pid.Wait(ctx), want)
}

// wantLetters compares the bodies of the node's dead letters, and their reason.
func wantLetters(t *testing.T, n *troupe.Node, reason error, want ...any) {
	t.Helper()
	last, total := n.DeadLetters()
	if len(last) != len(want) || total != uint64(len(want)) {
		t.Errorf("%d dead letters, %d in all: %v; want %d", len(last), total, last, len(want))
		return
	}
	for i, l := range last {
		if l.Body != want[i] || !errors.Is(l.Reason, reason) {
			t.Errorf("dead letter %d is %v (%v), want %v (%v)", i, l.Body, l.Reason, want[i], reason)
		}
	}
}

// until is a body that does nothing before it is told to end.
func until[M any](self *troupe.Self[M]) error {
	<-self.Done()
	return nil
}

// sink is a body that takes all mail and does nothing with it.
func sink[M any](self *troupe.Self[M]) error {
	for range self.Messages() {
	}
	return nil
}

// failing is a body that ends with err as soon as any message comes.
func failing[M any](err error) func(*troupe.Self[M]) error {
	return func(self *troupe.Self[M]) error {
		for range self.Messages() {
			return err
		}
		return nil
	}
}

// answer is a body that answers every call with its request plus one.
func answer(self caller) error {
	for m := range self.Messages() {
		m.Body.Reply(self, m.Body.Request+1)
	}
	return nil
}

// parts is a handler made of functions; those that are nil do nothing.
type parts[M any] struct {
	init      func(*troupe.Self[M]) error
	handle    func(*troupe.Self[M], troupe.Message[M]) error
	terminate func(*troupe.Self[M], error)
}

func (p parts[M]) Init(self *troupe.Self[M]) error {
	if p.init == nil {
		return nil
	}
	return p.init(self)
}

func (p parts[M]) Handle(self *troupe.Self[M], m troupe.Message[M]) error {
	if p.handle == nil {
		return nil
	}
	return p.handle(self, m)
}

func (p parts[M]) Terminate(self *troupe.Self[M], reason error) {
	if p.terminate != nil {
		p.terminate(self, reason)
	}
}

// handle makes a function literal a handler without naming its types twice.
func handle[M any](f func(*troupe.Self[M], troupe.Message[M]) error) troupe.Handler[M] {
	return troupe.HandlerFunc[M](f)
}

// A journal is where processes of a test write down what happened.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, " ")
}

func (j *journal) want(t *testing.T, want string) {
	t.Helper()
	if got := j.String(); got != want {
		t.Errorf("it happened: %s\n        want: %s", got, want)
	}
}

// A logbook collects what a node logs.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logbook) option() troupe.RunOption {
	return troupe.Logger(slog.New(slog.NewTextHandler(io.Writer(l), nil)))
}
