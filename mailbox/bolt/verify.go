package bolt

import (
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
		return v.page(uint64(tx.Cursor().Bucket().RootPage()), 0)
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

// page verifies a page and all below it.
func (v *verifier) page(id uint64, depth int) error {
	b, err := v.read(id)
	if err != nil {
		return err
	}
	flags := binary.NativeEndian.Uint16(b[8:])
	count := int(binary.NativeEndian.Uint16(b[10:]))
	if depth > maxDepth || pageHead+count*elementSize > len(b) || flags == branchPage && count == 0 {
		return v.wrong(id, "is not what it should be")
	}
	for at := pageHead; at < pageHead+count*elementSize; at += elementSize {
		switch flags {
		case branchPage:
			err = v.branch(id, b[at:], depth)
		case leafPage:
			err = v.leaf(id, b[at:], depth)
		default:
			return v.wrong(id, "is not what it should be")
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

// branch verifies an element of a branch page, which b begins with.
func (v *verifier) branch(id uint64, b []byte, depth int) error {
	at, key := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
	if uint64(at)+uint64(key) > uint64(len(b)) {
		return v.wrong(id, "has a key that does not end")
	}
	return v.page(binary.NativeEndian.Uint64(b[8:]), depth+1)
}

// leaf verifies an element of a leaf page, which b begins with.
func (v *verifier) leaf(id uint64, b []byte, depth int) error {
	flags, at := binary.NativeEndian.Uint32(b), uint64(binary.NativeEndian.Uint32(b[4:]))
	key, value := uint64(binary.NativeEndian.Uint32(b[8:])), uint64(binary.NativeEndian.Uint32(b[12:]))
	if at+key+value > uint64(len(b)) {
		return v.wrong(id, "has a value that does not end")
	}
	if flags&bucketLeaf == 0 {
		return nil
	}
	if value < bucketHead {
		return v.wrong(id, "has half a bucket")
	}
	root := binary.NativeEndian.Uint64(b[at+key:])
	if root == 0 {
		return nil // it lies within the page
	}
	return v.page(root, depth+1)
}
