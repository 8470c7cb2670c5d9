package pool

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// Frames on the socket for tasks. Numbers of tasks are given out by the parent, member by
// member, and go round after 2^32.
const (
	kindTasks   byte = 1 + iota // parent: items, of tasks
	kindResume                  // parent: what comes before this number was taken back
	kindBye                     // parent: there is no more to do
	kindResults                 // worker: what it took and whether it leaves; items
)

// kindCancel is a frame on the link of the child package: nobody waits for these tasks any
// more.
const kindCancel byte = 1

// What an item is.
const (
	itemTasks   byte = iota // arguments
	itemResults             // results of tasks that went well
	itemFailure             // the error of one task
)

// An item is about n tasks, of which first is the first. It has a length, so that one that
// cannot be decoded does not spoil the next.
type item struct {
	what  byte
	first uint32
	n     int
	body  wire.Decoder
}

const itemHeader = 1 + 4 + 4 + 4 + 2

var errItem = errors.New("osproc: what came on the socket for tasks is not a list of items")

// begin makes room for the header of an item, and returns where that is.
func beginItem(e *wire.Encoder) (start, files int) {
	start = len(e.Bytes)
	e.Bytes = append(e.Bytes, make([]byte, itemHeader)...)
	return start, len(e.Files)
}

// end fills in the header of the item that began at start.
func endItem(e *wire.Encoder, start, files int, what byte, first uint32, n int) {
	h := e.Bytes[start:]
	h[0] = what
	binary.LittleEndian.PutUint32(h[1:], first)
	binary.LittleEndian.PutUint32(h[5:], uint32(n))
	binary.LittleEndian.PutUint32(h[9:], uint32(len(h)-itemHeader))
	binary.LittleEndian.PutUint16(h[13:], uint16(len(e.Files)-files))
}

// nextItem takes an item from the front of d, with its descriptors.
func nextItem(d *wire.Decoder) (it item, err error) {
	if len(d.Bytes) < itemHeader {
		return it, errItem
	}
	h := d.Bytes
	it.what = h[0]
	it.first = binary.LittleEndian.Uint32(h[1:])
	it.n = int(binary.LittleEndian.Uint32(h[5:]))
	size := int(binary.LittleEndian.Uint32(h[9:]))
	files := min(int(binary.LittleEndian.Uint16(h[13:])), len(d.Files))
	if size > len(h)-itemHeader || it.n < 1 {
		return it, errItem
	}
	end := itemHeader + size
	it.body = wire.Decoder{Bytes: h[itemHeader:end:end], Files: d.Files[:files:files], Peer: d.Peer}
	d.Bytes, d.Files = h[end:], d.Files[files:]
	return it, nil
}

// A frame of results begins with the time that the tasks took and a flag.
const (
	resultsHeader = 8 + 1
	flagLeaving   = 1 // the worker runs no more tasks
)

// beginResults makes room for the header, and returns where that is.
func beginResults(e *wire.Encoder) (start int) {
	start = len(e.Bytes)
	e.Bytes = append(e.Bytes, make([]byte, resultsHeader)...)
	return start
}

func endResults(e *wire.Encoder, start int, took time.Duration, flags byte) {
	binary.LittleEndian.PutUint64(e.Bytes[start:], uint64(took))
	e.Bytes[start+8] = flags
}

func takeResultsHeader(d *wire.Decoder) (took time.Duration, flags byte, err error) {
	if len(d.Bytes) < resultsHeader {
		return 0, 0, errItem
	}
	took, flags = time.Duration(binary.LittleEndian.Uint64(d.Bytes)), d.Bytes[8]
	d.Bytes = d.Bytes[resultsHeader:]
	return took, flags, nil
}

// span of numbers, as kindCancel and kindResume carry them.
func encodeNumbers(e *wire.Encoder, first uint32, n int) {
	e.Bytes = binary.LittleEndian.AppendUint32(e.Bytes, first)
	e.Bytes = binary.LittleEndian.AppendUint32(e.Bytes, uint32(n))
}

func decodeNumbers(d *wire.Decoder) (first uint32, n int, err error) {
	if len(d.Bytes) < 8 {
		return 0, 0, errItem
	}
	return binary.LittleEndian.Uint32(d.Bytes), int(binary.LittleEndian.Uint32(d.Bytes[4:])), nil
}

// before reports that number a was given out before b.
func before(a, b uint32) bool { return int32(a-b) < 0 }
