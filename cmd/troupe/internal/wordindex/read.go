package wordindex

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// Files are read in pieces of chunk bytes. A file with a zero byte among its
// first sniff bytes is binary.
const (
	chunk = 128 << 10
	sniff = 8 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Reader reads files one after the other and hands out their words. It is for
// one goroutine; the zero Reader is ready for use.
type Reader struct {
	// Open opens a file; nil means os.Open.
	Open func(path string) (io.ReadCloser, error)
	// Pause, if set, is called after each piece of a file.
	Pause func()

	buf  []byte
	scan Scanner
}

// Read calls found for each word of the file, with the word's hash, and tells
// what it read. The error is that of ctx, which ended the reading; all others
// are in the record. Words are found before an error may be.
func (r *Reader) Read(ctx context.Context, path string, found func(word []byte, hash uint64)) (Record, error) {
	f, err := r.open(path)
	if err != nil {
		return Record{Kind: Unreadable, Err: bare(err)}, nil
	}
	defer f.Close()
	if r.buf == nil {
		r.buf = make([]byte, chunk)
	}
	var rec Record
	count := func(word []byte) {
		h := Hash(word)
		rec.Words++
		rec.Sum += h
		found(word, h)
	}
	defer func() { r.scan = Scanner{} }()
	for rec.Kind == Unseen {
		if err := ctx.Err(); err != nil {
			return rec, context.Cause(ctx)
		}
		r.piece(f, &rec, count)
	}
	return rec, nil
}

// piece reads the next piece of f. When it was the last, rec has its kind.
func (r *Reader) piece(f io.Reader, rec *Record, count func(word []byte)) {
	n, err := io.ReadFull(f, r.buf)
	if rec.Size == 0 && bytes.IndexByte(r.buf[:min(n, sniff)], 0) >= 0 {
		rec.Kind = Binary
		return
	}
	rec.Size += int64(n)
	rec.CRC = crc32.Update(rec.CRC, castagnoli, r.buf[:n])
	r.scan.Scan(r.buf[:n], count)
	if r.Pause != nil {
		r.Pause()
	}
	switch {
	case err == nil:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.scan.Close(count)
		rec.Kind = Counted
	default:
		rec.Kind, rec.Err = Unreadable, bare(err)
	}
}

func (r *Reader) open(path string) (io.ReadCloser, error) {
	if r.Open != nil {
		return r.Open(path)
	}
	return os.Open(path)
}

// bare takes the path from an error of the file system: whoever reports it
// names the file.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// Tally counts the words of one file into t, which it empties first.
func (r *Reader) Tally(ctx context.Context, path string, t *Table) (Record, error) {
	t.Reset()
	rec, err := r.Read(ctx, path, func(word []byte, hash uint64) { t.add(word, uint32(hash), 1) })
	if rec.Kind != Counted {
		t.Reset()
		rec.Words, rec.Sum = 0, 0
	}
	return rec, err
}
