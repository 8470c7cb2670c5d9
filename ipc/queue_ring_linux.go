package ipc

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
)

// A ring is memory through which messages go, in order. Its ends, head and tail, never go
// back; each is one word, so that a message appears, and disappears, by one store:
//
//	bits  0–38  bytes that have passed, modulo 2^39
//	bit   39    in tail: the queue is closed
//	bits 40–63  messages that have passed, modulo 2^24
//
// Who puts holds one mutex, who gets another. A message is a header, what comes with it, and
// its body, filled up to eight bytes. It lies in one piece: where it would reach over the end
// of the memory, it is at the beginning, and in its place is a header that says so.
//
//	header: length of the body (32 bits) | files (8 bits) | flags (8 bits)
type ring struct {
	head, tail *atomic.Uint64
	mem        []byte // a power of two, at most 2^30
	items      int
}

const (
	ringBytesMask = 1<<39 - 1
	ringClosed    = 1 << 39
	ringItem      = 1 << 40
	ringItemsMask = 1<<24 - 1

	ringHeader = 8
	ringFiled  = 16 // the header of a message with files: then comes who has put it

	maxItems = 1 << 23
	maxRing  = 1 << 30
)

// A ringEntry is the header of a message.
type ringEntry struct {
	length int
	files  int
	flags  byte
	owner  uint64 // of a message with files
}

const (
	flagSpilled = 1 << iota // the body is in the first file
	flagSkip                // the message is at the beginning of the memory
)

var errCorrupt = errors.New("ipc: the queue's memory was overwritten by something else: it cannot be used any more")

// The two numbers in an end.
func ringBytes(w uint64) uint64 { return w & ringBytesMask }
func ringCount(w uint64) uint64 { return w >> 40 }

// used returns how many bytes and messages lie between two ends.
func used(head, tail uint64) (bytes, items int) {
	return int((ringBytes(tail) - ringBytes(head)) & ringBytesMask), int((ringCount(tail) - ringCount(head)) & ringItemsMask)
}

// plus is an end after one more message, which takes size bytes.
func plus(end uint64, size int) uint64 {
	return end&^ringBytesMask + ringItem | (ringBytes(end)+uint64(size))&ringBytesMask
}

// size is how many bytes an entry takes.
func (e ringEntry) size() int {
	n := e.headSize()
	if e.flags&flagSpilled == 0 {
		n += e.length
	}
	return (n + 7) &^ 7
}

// headSize is how many bytes an entry has in front of its body.
func (e ringEntry) headSize() int {
	if e.files > 0 {
		return ringFiled
	}
	return ringHeader
}

// tailPos is where the tail lies in memory.
func (r *ring) tailPos() int { return int(ringBytes(r.tail.Load())) & (len(r.mem) - 1) }

// place returns where a message of size bytes can be put at the moment, and how many bytes are
// skipped for that.
func (r *ring) place(size int) (pos, skip int, ok bool) {
	bytes, items := used(r.head.Load(), r.tail.Load())
	pos = r.tailPos()
	if rest := len(r.mem) - pos; size > rest {
		pos, skip = 0, rest
	}
	return pos, skip, items < r.items && bytes+skip+size <= len(r.mem)
}

// empty reports that there is no message, and closed, that there never will be.
func (r *ring) empty() bool { return (r.head.Load()^r.tail.Load())&^ringClosed == 0 }

func (r *ring) closed() bool { return r.tail.Load()&ringClosed != 0 }

// write lays down an entry at a place, and returns what the tail will be. A nil body is there
// already.
func (r *ring) write(e ringEntry, pos, skip int, body []byte) (tail uint64) {
	if skip > 0 {
		binary.NativeEndian.PutUint64(r.mem[r.tailPos():], flagSkip<<40)
	}
	binary.NativeEndian.PutUint64(r.mem[pos:], uint64(e.length)|uint64(e.files)<<32|uint64(e.flags)<<40)
	if e.files > 0 {
		binary.NativeEndian.PutUint64(r.mem[pos+ringHeader:], e.owner)
	}
	if e.flags&flagSpilled == 0 {
		copy(r.mem[pos+e.headSize():], body)
	}
	return plus(r.tail.Load(), skip+e.size())
}

// first returns the entry behind the head, its body, and what the head will be after it. There
// is one. The body of a spilled message is empty.
func (r *ring) first() (e ringEntry, body []byte, head uint64, err error) {
	at := r.head.Load()
	bytes, items := used(at, r.tail.Load())
	pos, skip := int(ringBytes(at))&(len(r.mem)-1), 0
	if bytes > len(r.mem) || bytes < ringHeader || items == 0 || pos%8 != 0 {
		return e, nil, 0, errCorrupt
	}
	w := binary.NativeEndian.Uint64(r.mem[pos:])
	if w>>40&flagSkip != 0 {
		pos, skip = 0, len(r.mem)-pos
		w = binary.NativeEndian.Uint64(r.mem)
	}
	e = ringEntry{length: int(uint32(w)), files: int(byte(w >> 32)), flags: byte(w >> 40)}
	if e.length > maxBody || skip+e.size() > bytes || pos+e.size() > len(r.mem) {
		return e, nil, 0, errCorrupt
	}
	if e.files > 0 {
		e.owner = binary.NativeEndian.Uint64(r.mem[pos+ringHeader:])
	}
	if e.flags&flagSpilled == 0 {
		pos += e.headSize()
		body = r.mem[pos : pos+e.length : pos+e.length]
	}
	return e, body, plus(at, skip+e.size()), nil
}
