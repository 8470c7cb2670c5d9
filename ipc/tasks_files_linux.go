package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A taskStore keeps the open files of tasks: a datagram for each, in a pair of sockets, until
// the task is done. To look for one is to turn the others round, by sending a copy to the end
// before the original is dropped; a process that dies in between leaves a copy too many, which
// goes with its task.
type taskStore struct{ region *shm.Region }

func (s taskStore) add(tag uint64, files []int) error {
	err := carrier(s).out(binary.NativeEndian.AppendUint64(nil, tag), files)
	if err != nil {
		return fmt.Errorf("ipc: cannot keep %d open files of a task: %w", len(files), err)
	}
	return nil
}

// first returns the tag of the first datagram.
func (s taskStore) first() (tag uint64, ok bool) {
	var b [8]byte
	n, _, _, err := carrier(s).in(b[:], nil, unix.MSG_PEEK)
	return binary.NativeEndian.Uint64(b[:]), err == nil && n == len(b)
}

// files returns the files of the first datagram, and leaves them there.
func (s taskStore) files(n int) ([]int, error) {
	var b [8]byte
	oob := make([]byte, unix.CmsgSpace(4*n))
	_, oobn, flags, err := carrier(s).in(b[:], oob, unix.MSG_PEEK)
	files := rights(oob[:oobn])
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	if err != nil || flags&unix.MSG_CTRUNC != 0 {
		_ = (&wire.Decoder{Files: files}).Close()
		return nil, fmt.Errorf("ipc: the next task of the queue stays where it is: %w", wire.ErrFilesLost)
	}
	return files, nil
}

func (s taskStore) drop() { carrier(s).drop() }

// turn moves the first datagram to the end.
func (s taskStore) turn(tag uint64) error {
	files, err := s.files(wire.MaxFiles)
	if err != nil {
		return err
	}
	err = s.add(tag, files)
	_ = (&wire.Decoder{Files: files}).Close()
	if err == nil {
		s.drop()
	}
	return err
}

// find returns the files of a task, and leaves them where they are. Datagrams of tasks that do
// not live are dropped.
func (s taskStore) find(tag uint64, n int, lives func(uint64) bool) ([]int, error) {
	for range 4 * maxFiled {
		t, ok := s.first()
		switch {
		case !ok && s.region.Extra(1, func(int) error { return nil }) != nil:
			return nil, ErrClosed
		case !ok:
			return nil, errCorrupt
		case t == tag:
			files, err := s.files(n)
			if err == nil && len(files) != n {
				_ = (&wire.Decoder{Files: files}).Close()
				err = errCorrupt
			}
			return files, err
		case !lives(t):
			s.drop()
		default:
			if err := s.turn(t); err != nil {
				return nil, err
			}
		}
	}
	return nil, errCorrupt
}

// remove drops what belongs to a task. If that is not possible now, it is found later.
func (s taskStore) remove(tag uint64, lives func(uint64) bool) {
	for range 2 * maxFiled {
		t, ok := s.first()
		switch {
		case !ok:
			return
		case t == tag || !lives(t):
			s.drop()
		default:
			return // further back
		}
	}
}
