package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// How a page of bbolt begins, and what it lists, in the byte order of the machine.
const (
	pageHead    = 16 // id 8, flags 2, count 2, overflow 4
	elementSize = 16 // branch: position 4, key size 4, page 8; leaf: flags, position, key size, value size, 4 each
	bucketHead  = 16 // root page 8, sequence 8

	branchPage = 0x01
	leafPage   = 0x02
	bucketLeaf = 0x01
)

// errDamaged tells people what to do about a file that cannot be used.
var errDamaged = errors.New("the file is damaged: put a copy of it in its place, or move it away to begin with an empty one")

// verify reads through all pages of a file that hold something. bbolt takes for granted
// that it finds a page where a page should be, and ends the whole program when a file
// was cut short or overwritten.
func verify(f *os.File, db *bolt.DB) error {
	return db.View(func(tx *bolt.Tx) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w (it has %d bytes and should have %d)", errDamaged, info.Size(), tx.Size())
		}
		v := &verifier{
			file: f, size: int64(db.Info().PageSize),
			seen: make([]bool, tx.Size()/int64(db.Info().PageSize)),
		}
		return v.page(uint64(tx.Cursor().Bucket().RootPage()), nil, nil, 0)
	})
}

type verifier struct {
	file *os.File
	size int64 // of a page
	seen []bool
}

// maxDepth is more than any tree has, buckets included.
const maxDepth = 64

func (v *verifier) wrong(page uint64, what string) error {
	return fmt.Errorf("%w (page %d %s)", errDamaged, page, what)
}

// page verifies a page and all below it, whose keys are to lie from low to before high.
func (v *verifier) page(id uint64, low, high []byte, depth int) error {
	b, err := v.read(id)
	if err != nil {
		return err
	}
	return v.elements(id, b, low, high, depth)
}

// elements verifies what a page lists, which b is the bytes of.
func (v *verifier) elements(id uint64, b, low, high []byte, depth int) error {
	flags := binary.NativeEndian.Uint16(b[8:])
	count := int(binary.NativeEndian.Uint16(b[10:]))
	end := pageHead + count*elementSize
	if depth > maxDepth || end > len(b) || flags != leafPage && (flags != branchPage || count == 0) {
		return v.wrong(id, "is not what it should be")
	}
	for at := pageHead; at < end; at += elementSize {
		key, err := v.key(id, b[at:], flags)
		if err != nil {
			return err
		}
		if c := bytes.Compare(low, key); c > 0 || c == 0 && at > pageHead || high != nil && bytes.Compare(key, high) >= 0 {
			return v.wrong(id, "has a key where it should not be")
		}
		low = key
		switch {
		case flags == leafPage:
			err = v.value(id, b[at:], depth)
		case at+elementSize < end:
			var next []byte
			if next, err = v.key(id, b[at+elementSize:], flags); err == nil {
				err = v.page(binary.NativeEndian.Uint64(b[at+8:]), key, next, depth+1)
			}
		default:
			err = v.page(binary.NativeEndian.Uint64(b[at+8:]), key, high, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a page with what it overflows into.
func (v *verifier) read(id uint64) ([]byte, error) {
	if id < 2 || id >= uint64(len(v.seen)) {
		return nil, v.wrong(id, "is not there")
	}
	b := make([]byte, v.size)
	if _, err := v.file.ReadAt(b, int64(id)*v.size); err != nil {
		return nil, v.unread(id, err)
	}
	last := id + uint64(binary.NativeEndian.Uint32(b[12:]))
	if binary.NativeEndian.Uint64(b) != id || last >= uint64(len(v.seen)) {
		return nil, v.wrong(id, "is not what it should be")
	}
	for p := id; p <= last; p++ {
		if v.seen[p] {
			return nil, v.wrong(p, "is used twice")
		}
		v.seen[p] = true
	}
	if last > id {
		b = append(b, make([]byte, int64(last-id)*v.size)...)
		if _, err := v.file.ReadAt(b[v.size:], int64(id+1)*v.size); err != nil {
			return nil, v.unread(id, err)
		}
	}
	return b, nil
}

func (v *verifier) unread(id uint64, err error) error {
	if errors.Is(err, io.EOF) {
		return v.wrong(id, "is cut off")
	}
	return err
}

// key returns the key of an element, which b begins with.
func (v *verifier) key(id uint64, b []byte, flags uint16) ([]byte, error) {
	if flags == leafPage {
		return v.part(id, b, uint64(binary.NativeEndian.Uint32(b[4:])), uint64(binary.NativeEndian.Uint32(b[8:])))
	}
	return v.part(id, b, uint64(binary.NativeEndian.Uint32(b)), uint64(binary.NativeEndian.Uint32(b[4:])))
}

func (v *verifier) part(id uint64, b []byte, at, size uint64) ([]byte, error) {
	if at+size > uint64(len(b)) {
		return nil, v.wrong(id, "has something that does not end")
	}
	return b[at : at+size], nil
}

// value verifies the value of an element of a leaf page, which b begins with.
func (v *verifier) value(id uint64, b []byte, depth int) error {
	flags, at := binary.NativeEndian.Uint32(b), uint64(binary.NativeEndian.Uint32(b[4:]))
	key, size := uint64(binary.NativeEndian.Uint32(b[8:])), uint64(binary.NativeEndian.Uint32(b[12:]))
	value, err := v.part(id, b, at+key, size)
	if err != nil || flags&bucketLeaf == 0 {
		return err
	}
	if size < bucketHead {
		return v.wrong(id, "has half a bucket")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return v.page(root, nil, nil, depth+1)
	}
	if size < bucketHead+pageHead {
		return v.wrong(id, "has half a bucket")
	}
	return v.elements(id, value[bucketHead:], nil, nil, depth+1) // it lies within the page
}
