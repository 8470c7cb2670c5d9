package wire

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
)

type registeredType struct{ N int }

func (r registeredType) String() string { return fmt.Sprint(r.N) }

func TestInterfaces(t *testing.T) {
	Register[registeredType]("wire_test.registeredType")
	Register[registeredType]("wire_test.registeredType")
	same[any](t, registeredType{1})
	same[any](t, &registeredType{2})
	same[fmt.Stringer](t, registeredType{3})
	same[any](t, (*registeredType)(nil))
	type unknown struct{}
	fails[any](t, unknown{}, nil, "wire.unknown travels in an interface, and is not registered")
	expectPanic(t, func() { Register[unknown]("wire_test.registeredType") })
	expectPanic(t, func() { Register[registeredType]("wire_test.another") })
	expectPanic(t, func() { Register[any]("wire_test.any") })

	var e Encoder
	if err := must(For[any]()).Encode(&e, 5); err != nil {
		t.Fatal(err)
	}
	if v, err := must(For[fmt.Stringer]()).Decode(&Decoder{Bytes: e.Bytes}); !errors.Is(err, ErrMalformed) {
		t.Errorf("an int became the Stringer %v, %v", v, err)
	}
}

func expectPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

type codeError struct{ Code int }

func (e *codeError) Error() string { return fmt.Sprint("code ", e.Code) }

var errOurs = errors.New("wire_test: ours")

func TestErrorsKeepTheirIdentity(t *testing.T) {
	RegisterError("wire_test.errOurs", errOurs)
	RegisterError("wire_test.errOurs", errOurs)
	Register[*codeError]("wire_test.codeError")
	expectPanic(t, func() { RegisterError("wire_test.errOurs", io.EOF) })

	if got := trip[error](t, errOurs); got != errOurs {
		t.Errorf("got %v", got)
	}
	same[error](t, &codeError{5})
	sent := fmt.Errorf("while at it: %w", errors.Join(errOurs, fmt.Errorf("and %w", &codeError{404}), &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}))
	got := trip(t, sent)
	for range 3 { // from hand to hand
		var code *codeError
		if got.Error() != sent.Error() || !errors.Is(got, errOurs) || !errors.Is(got, fs.ErrNotExist) || errors.Is(got, io.EOF) ||
			!errors.As(got, &code) || code.Code != 404 {
			t.Errorf("sent %v, got %v", sent, got)
		}
		got = trip(t, got)
	}
	if got := trip[any](t, errors.New("plain")); got.(error).Error() != "plain" {
		t.Errorf("got %v", got)
	}
	_, err := os.Open("/nowhere")
	if got := trip(t, err); !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("got %#v", got)
	}
	if got := trip[error](t, panickyError{}); !strings.Contains(got.Error(), "panicked") {
		t.Errorf("got %v", got)
	}
}

type panickyError struct{}

func (panickyError) Error() string { panic("no text") }

func TestFilesGoAlong(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	c := must(For[struct {
		N int
		F *os.File
		G *os.File
	}]())
	var e Encoder
	if err := c.Encode(&e, struct {
		N int
		F *os.File
		G *os.File
	}{1, r, nil}); err != nil {
		t.Fatal(err)
	}
	if len(e.Files) != 1 {
		t.Fatalf("files: %v", e.Files)
	}
	if _, err := c.Decode(&Decoder{Bytes: e.Bytes}); !errors.Is(err, ErrNoFile) {
		t.Errorf("without files: %v", err)
	}
	files := must(copyFiles(e.Files))
	got, err := c.Decode(&Decoder{Bytes: e.Bytes, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	defer got.F.Close()
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := got.F.Read(b[:]); err != nil || b[0] != 'x' || got.G != nil || got.F.Name() != r.Name() {
		t.Errorf("read %q, %v from %s", b, err, got.F.Name())
	}
}
