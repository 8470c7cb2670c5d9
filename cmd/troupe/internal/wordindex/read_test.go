package wordindex

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// opens returns an Open that yields text and then err, if that is not nil.
func opens(text []byte, err error) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) {
		var r io.Reader = bytes.NewReader(text)
		if err != nil {
			r = io.MultiReader(r, iotest.ErrReader(err))
		}
		return io.NopCloser(iotest.HalfReader(r)), nil
	}
}

func tally(t *testing.T, r Reader) (Record, map[string]uint64) {
	t.Helper()
	var table Table
	rec, err := r.Tally(t.Context(), "file", &table)
	if err != nil {
		t.Fatal(err)
	}
	return rec, asMap(&table.Tally)
}

func TestReadAcrossPieces(t *testing.T) {
	text := bytes.Repeat([]byte("straße and_so_on "), chunk/4)
	rec, got := tally(t, Reader{Open: opens(text, nil)})
	n := uint64(chunk / 4)
	if want := map[string]uint64{"straße": n, "and_so_on": n}; !equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	if rec.Kind != Counted || rec.Size != int64(len(text)) || rec.Words != 2*n {
		t.Errorf("record %+v", rec)
	}
	if sum := n * (Hash([]byte("straße")) + Hash([]byte("and_so_on"))); rec.Sum != sum {
		t.Errorf("sum %d, want %d", rec.Sum, sum)
	}
}

func TestReadOneEndlessLine(t *testing.T) {
	text := append(bytes.Repeat([]byte("x"), 3*chunk), " the end"...)
	rec, got := tally(t, Reader{Open: opens(text, nil)})
	if want := map[string]uint64{"the": 1, "end": 1}; rec.Kind != Counted || !equal(got, want) {
		t.Errorf("record %+v with %v, want %v", rec, got, want)
	}
}

func TestBinary(t *testing.T) {
	for _, c := range []struct {
		zero int
		want Kind
	}{{0, Binary}, {sniff - 1, Binary}, {sniff, Counted}} {
		text := bytes.Repeat([]byte("word "), sniff)
		text[c.zero] = 0
		if rec, words := tally(t, Reader{Open: opens(text, nil)}); rec.Kind != c.want || (len(words) == 0) != (c.want == Binary) {
			t.Errorf("a zero byte at %d: kind %v with %d words, want %v", c.zero, rec.Kind, len(words), c.want)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	if rec, words := tally(t, Reader{Open: opens(nil, nil)}); rec != (Record{Kind: Counted}) || len(words) != 0 {
		t.Errorf("record %+v with %v", rec, words)
	}
}

func TestUnreadable(t *testing.T) {
	missing := Reader{Open: func(string) (io.ReadCloser, error) {
		return nil, &fs.PathError{Op: "open", Path: "file", Err: syscall.EACCES}
	}}
	torn := Reader{Open: opens(bytes.Repeat([]byte("word "), chunk), syscall.EIO)}
	for want, r := range map[error]Reader{syscall.EACCES: missing, syscall.EIO: torn} {
		rec, words := tally(t, r)
		if rec.Kind != Unreadable || rec.Err != want || len(words) != 0 || rec.Words != 0 {
			t.Errorf("record %+v with %d words, want unreadable: %v", rec, len(words), want)
		}
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	pieces := 0
	r := Reader{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(endless{}), nil },
		Pause: func() {
			if pieces++; pieces == 3 {
				cancel(why)
			}
		},
	}
	var table Table
	if _, err := r.Tally(ctx, "file", &table); err != why || table.Len() != 0 {
		t.Errorf("error %v with %d words, want %v", err, table.Len(), why)
	}
}

func TestReaderSurvivesACrash(t *testing.T) {
	text := []byte("half a wor")
	r := Reader{Open: opens(text, nil), Pause: func() { panic("crash") }}
	var table Table
	func() {
		defer func() { recover() }()
		r.Tally(t.Context(), "file", &table)
	}()
	r.Pause = nil
	r.Open = opens([]byte("d and more"), nil)
	if _, err := r.Tally(t.Context(), "file", &table); err != nil {
		t.Fatal(err)
	}
	if got, want := asMap(&table.Tally), map[string]uint64{"and": 1, "more": 1}; !equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, strings.Repeat("ever and ever ", len(p)/14+1)), nil
}
