//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A register is an object of the tests' own.
type register struct {
	total  atomic.Int64
	file   *os.File // gets a word when the register is closed
	opened int
}

var errOverdrawn = errors.New("overdrawn")

func init() { RegisterError("ipc_test.errOverdrawn", errOverdrawn) }

func newRegister(_ context.Context, from start) (*register, error) {
	if from.Total < 0 {
		return nil, errOverdrawn
	}
	r := &register{file: from.File, opened: os.Getpid()}
	r.total.Store(from.Total)
	return r, nil
}

type start struct {
	Total int64
	File  *os.File
}

func (r *register) Add(_ context.Context, n int64) (int64, error) {
	switch {
	case r.total.Load()+n < 0:
		return 0, errOverdrawn
	case n == 13:
		panic("thirteen")
	}
	return r.total.Add(n), nil
}

func (r *register) PID(context.Context, struct{}) (int, error) { return os.Getpid(), nil }

// Wait waits for the end of the context, and says so on the file.
func (r *register) Wait(ctx context.Context, f *os.File) (struct{}, error) {
	defer f.Close()
	_, _ = io.WriteString(f, "waiting")
	<-ctx.Done()
	_, _ = io.WriteString(f, ", ended")
	return struct{}{}, context.Cause(ctx)
}

// Lend returns a connection, whose other end echoes one message.
func (r *register) Lend(context.Context, struct{}) (*Conn, error) {
	a, b, err := Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer b.Close()
		if m, err := b.ReceiveBytes(context.Background()); err == nil {
			_ = b.SendBytes(context.Background(), append([]byte("echo "), m...))
		}
	}()
	return a, nil
}

func (r *register) Close() error {
	if r.file != nil {
		_, _ = io.WriteString(r.file, "closed")
		return r.file.Close()
	}
	return nil
}

var (
	registers    = RegisterClass("ipc_test.register", newRegister)
	registerAdd  = RegisterMethod(registers, "Add", (*register).Add)
	registerPID  = RegisterMethod(registers, "PID", (*register).PID)
	registerWait = RegisterMethod(registers, "Wait", (*register).Wait)
	registerLend = RegisterMethod(registers, "Lend", (*register).Lend)
)

func TestManager_Objects(t *testing.T) {
	everyWay(t, func(t *testing.T, m *Manager) {
		ctx := t.Context()
		o := must[*Object[*register]](t)(registers.Open(ctx, m, "r", start{Total: 10}))
		again := must[*Object[*register]](t)(registers.Open(ctx, m, "r", start{Total: 99}))
		if n, err := registerAdd.Call(ctx, o, 5); n != 15 || err != nil {
			t.Error(n, err)
		}
		if n, err := registerAdd.Call(ctx, again, 1); n != 16 || err != nil {
			t.Error(n, err)
		}
		if _, err := registerAdd.Call(ctx, o, -100); !errors.Is(err, errOverdrawn) {
			t.Errorf("the error lost its identity: %v", err)
		}
		if _, err := registerAdd.Call(ctx, o, 13); err == nil || !strings.Contains(err.Error(), "thirteen") || !strings.Contains(err.Error(), "manager_class_test.go") {
			t.Errorf("a panic: %v", err)
		}
		if _, err := registers.Open(ctx, m, "", start{Total: -1}); !errors.Is(err, errOverdrawn) {
			t.Error(err)
		}
		pid := must[int](t)(registerPID.Call(ctx, o, struct{}{}))
		if here := m.b != nil; here != (pid == os.Getpid()) {
			t.Error("the object is in another process than the manager")
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					if _, err := registerAdd.Call(ctx, o, 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n, err := registerAdd.Call(ctx, o, 0); n != 16+160 || err != nil {
			t.Error(n, err)
		}
	})
}

// Over unix sockets files and connections travel as arguments and results.
func TestManager_ObjectsTakeAndGiveFiles(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			m := way.make(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			o := must[*Object[*register]](t)(registers.Open(t.Context(), m, "", start{File: w}))
			w.Close()
			c := must[*Conn](t)(registerLend.Call(t.Context(), o, struct{}{}))
			defer c.Close()
			if err := c.SendBytes(t.Context(), []byte("hello")); err != nil {
				t.Error(err)
			}
			if b, err := c.ReceiveBytes(t.Context()); string(b) != "echo hello" {
				t.Errorf("%q, %v", b, err)
			}
			if err := o.Detach(); err != nil {
				t.Error(err)
			}
			if text, err := io.ReadAll(r); string(text) != "closed" || err != nil {
				t.Errorf("the object nobody has was not closed: %q, %v", text, err)
			}
		})
	}
}

// When a caller gives up, it returns at once, and the method's context ends.
func TestG63_ManagerCallGivenUp(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			o := must[*Object[*register]](t)(registers.Open(t.Context(), way.make(t), "", start{}))
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error)
			go func() {
				_, err := registerWait.Call(ctx, o, w)
				w.Close()
				done <- err
			}()
			if _, err := io.ReadFull(r, make([]byte, len("waiting"))); err != nil {
				t.Fatal(err)
			}
			cancel(errEnough)
			if err := <-done; err != errEnough {
				t.Error(err)
			}
			if text, err := io.ReadAll(r); string(text) != ", ended" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

func TestManager_ClassesAreRegisteredOnce(t *testing.T) {
	panics := func(f func()) (got any) {
		defer func() { got = recover() }()
		f()
		return nil
	}
	if panics(func() { RegisterClass("ipc_test.register", newRegister) }) == nil {
		t.Error("a second class of the name")
	}
	if panics(func() { RegisterMethod(registers, "Add", (*register).Add) }) == nil {
		t.Error("a second method of the name")
	}
}
