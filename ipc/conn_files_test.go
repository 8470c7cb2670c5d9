package ipc

import (
	"fmt"
	"io"
	"os"
	"testing"
)

func TestConn_FilesGoAlong(t *testing.T) {
	a, b := pipe(t)
	type open struct {
		Name  string
		Files []*os.File
	}
	for round := range 3 {
		var files []*os.File
		for i := range 20 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(w, "%d.%d", round, i)
			w.Close()
			files = append(files, r)
		}
		tell(t, a, "before")
		tell(t, a, open{"twenty", files})
		tell(t, a, open{"one", files[:1]})
		for _, f := range files {
			f.Close()
		}
		hear[string](t, b)
		got := hear[open](t, b)
		for i, f := range got.Files {
			text, err := io.ReadAll(f)
			if want := fmt.Sprintf("%d.%d", round, i); string(text) != want {
				t.Errorf("file %d: %q, want %q: %v", i, text, want, err)
			}
			f.Close()
		}
		one := hear[open](t, b)
		one.Files[0].Close()
	}
}

func TestConn_FilesOfWhatIsNotTakenAreClosed(t *testing.T) {
	before := openFiles(t)
	a, b, err := Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		tell(t, a, r)
		tell(t, a, make([]byte, 100))
	}
	if err := b.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	hear[[]byte](t, b)
	hear[*os.File](t, b).Close()
	if _, err := Receive[int](t.Context(), b); err == nil {
		t.Error("want a TypeError")
	}
	for _, c := range []io.Closer{a, b, r, w} {
		c.Close()
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}

// openFiles counts this process's descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	r, w, err := os.Pipe() // now the poller has made its own
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	all, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(all)
}
