package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// roles are what a worker of this program can be, by name.
var roles struct {
	sync.Mutex
	byName map[string]func(*Worker, *wire.Decoder)
}

// Role makes a role known under a name, on both sides. Its function is called in the
// worker, with what [Job] encoded. It panics if the name is taken.
func Role(name string, serve func(*Worker, *wire.Decoder)) {
	roles.Lock()
	defer roles.Unlock()
	if _, taken := roles.byName[name]; taken {
		panic(fmt.Sprintf("osproc: the role %q is registered twice", name))
	}
	if roles.byName == nil {
		roles.byName = make(map[string]func(*Worker, *wire.Decoder))
	}
	roles.byName[name] = serve
}

// mainCalled says that Main was called, and that this process is no worker.
var mainCalled atomic.Bool

// self is the worker that this process is, once it knows.
var self atomic.Pointer[Worker]

// mayStart says whether workers can be started from here: they would get to Main.
func mayStart() bool { return mainCalled.Load() || self.Load() != nil }

// A Worker is this process, as a worker sees itself.
type Worker struct {
	// Link is the link to the parent.
	Link *wire.Link

	name   string
	orphan time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// Why the context of a worker ends; see [Worker.Context].
var (
	ErrInterrupted = errors.New("osproc: interrupted")
	ErrOrphaned    = errors.New("osproc: the parent is gone")
	ErrCPU         = errors.New("osproc: the limit on processor time is reached")
)

// Descriptors of a worker, besides the standard ones.
const (
	linkFD  = 3
	crashFD = 4
)

// Main returns at once if this process is no worker. Else it serves, and never returns.
func Main() {
	token, ok := os.LookupEnv(tokenVar)
	if !ok || self.Load() != nil {
		mainCalled.Store(true)
		return
	}
	os.Unsetenv(tokenVar)
	w, role, body, err := enter(token)
	if err != nil {
		fmt.Fprintln(os.Stderr, "osproc: this process was started as a worker, but", err)
		os.Exit(2)
	}
	role(w, body)
	w.leave(0)
}

// enter has the link up, and the job received.
func enter(token string) (*Worker, func(*Worker, *wire.Decoder), *wire.Decoder, error) {
	if len(os.Args) > 1 {
		os.Args = os.Args[:1]
	}
	crash := os.NewFile(crashFD, "crash")
	if err := debug.SetCrashOutput(crash, debug.CrashOptions{}); err != nil {
		return nil, nil, nil, fmt.Errorf("descriptor %d is not for its last words: %w", crashFD, err)
	}
	crash.Close()
	conn, err := Conn(os.NewFile(linkFD, "link"))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("descriptor %d is not its link: %w", linkFD, err)
	}
	w := &Worker{Link: wire.NewLink(conn)}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	self.Store(w)
	err = w.Link.Send(kindHello, func(e *wire.Encoder) error {
		e.Text(token)
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	kind, body, err := w.Link.Receive()
	if err != nil || kind != kindJob {
		w.gone() // the parent has changed its mind, or is gone
	}
	s, err := decodeSettings(body)
	if err != nil {
		return nil, nil, nil, err
	}
	w.settle(s)
	roles.Lock()
	role := roles.byName[s.Role]
	roles.Unlock()
	if role == nil {
		role = func(w *Worker, _ *wire.Decoder) {
			w.Refuse(fmt.Errorf("osproc: nothing of the role %q was registered in the child (%s) before osproc.Main; call Register in the declaration of a package variable", s.Role, os.Args[0]))
		}
	}
	return w, role, body, nil
}

func decodeSettings(body *wire.Decoder) (settings, error) {
	codec, err := wire.For[settings]()
	if err != nil {
		return settings{}, err
	}
	return codec.Decode(body)
}

// settle makes the settings hold.
func (w *Worker) settle(s settings) {
	w.name, w.orphan = s.Name, s.Orphan
	if s.Memory > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(s.Memory / 10 * 9) // collect garbage rather than fail
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, notified...)
	if s.IgnoreInterrupt {
		signal.Ignore(os.Interrupt)
	}
	go func() {
		for sig := range signals {
			w.cancel(causeOf(sig))
		}
	}()
}

// Name is the name that the worker was given.
func (w *Worker) Name() string { return w.name }

// Context ends when the worker is told to end by SIGTERM or SIGINT, when it has used up
// its processor time, and when the parent is gone.
func (w *Worker) Context() context.Context { return w.ctx }

// Ready tells the parent that the role has begun. What is sent after it belongs to the role.
func (w *Worker) Ready() {
	if w.Link.Send(kindReady, func(*wire.Encoder) error { return nil }) != nil {
		w.gone()
	}
}

// Refuse tells the parent, instead of Ready, why the role cannot begin. It does not return.
func (w *Worker) Refuse(why error) {
	err := w.Link.Send(kindRefused, func(e *wire.Encoder) error {
		codec, err := wire.For[error]()
		if err != nil {
			return err
		}
		if codec.Encode(e, why) != nil {
			return codec.Encode(e, errors.New(why.Error()))
		}
		return nil
	})
	if err != nil {
		w.gone()
	}
	w.leave(0)
}

// Orphaned is to be called when the link has failed. It ends the process, at once or after
// the time that an orphan has.
func (w *Worker) Orphaned() {
	if w.orphan <= 0 {
		w.gone()
	}
	w.cancel(ErrOrphaned)
	time.AfterFunc(w.orphan, w.gone)
}

// gone ends the process without its parent.
func (w *Worker) gone() { os.Exit(1) }

// leave ends the process when its work is done: after all that was sent is on its way, and
// after its own children.
func (w *Worker) leave(code int) {
	_ = w.Link.Flush()
	_ = Join(context.Background())
	os.Exit(code)
}
