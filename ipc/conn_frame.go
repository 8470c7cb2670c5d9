package ipc

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/troupe-go/troupe/internal/wire"
)

// A message on its way is a head and a body. The body is cut into blocks, and behind every
// block stands a mark: another block follows, that was all, or forget this message. So a
// sender that gives up leaves a stream in which the other side finds its way, and owes it at
// most one block. An empty body is one empty block.
//
//	head: body length uint32 | kind | files | magic uint16 | tag uint64    (little endian)
const (
	headSize  = 16
	blockSize = 64 << 10
	maxBody   = 1<<31 - 1
	magic     = 0x7049
)

const (
	markAbort = 0x0A
	markMore  = 0x3C
	markEnd   = 0x5F
)

// Kinds of messages. The tag of a value is the fingerprint of its type; that of what a
// manager and its clients say to each other, the number of the question.
const (
	kindBytes byte = iota + 1
	kindValue
	kindCBOR
	kindAsk
	kindAnswer
	kindFail
	kindCancel
	kindWelcome
	kindLast // one past the last
)

// allowed is how long a body of this kind may be where messages may have limit bytes. What was
// put into a queue of a manager comes back with a little more around it.
func allowed(kind byte, limit int64) int64 {
	if kind == kindAnswer {
		return limit + 1024
	}
	return limit
}

type head struct {
	length int
	kind   byte
	files  int
	tag    uint64
}

func (h head) put(b []byte) {
	binary.LittleEndian.PutUint32(b, uint32(h.length))
	b[4], b[5] = h.kind, byte(h.files)
	binary.LittleEndian.PutUint16(b[6:], magic)
	binary.LittleEndian.PutUint64(b[8:], h.tag)
}

func parseHead(b []byte) (head, error) {
	h := head{
		length: int(binary.LittleEndian.Uint32(b)),
		kind:   b[4], files: int(b[5]),
		tag: binary.LittleEndian.Uint64(b[8:]),
	}
	if binary.LittleEndian.Uint16(b[6:]) != magic || h.kind == 0 || h.kind >= kindLast || h.length > maxBody {
		return h, fmt.Errorf("ipc: not a message of this package: % x: the connection cannot be used any more", b[:headSize])
	}
	return h, nil
}

// blocks returns how many blocks a body of n bytes has.
func blocks(n int) int { return max(1, (n+blockSize-1)/blockSize) }

// A message is one that has arrived. It is valid while the turn to receive is held.
type message struct {
	head
	body  []byte
	files []int
}

func (m message) describe() string {
	switch m.kind {
	case kindBytes:
		return fmt.Sprintf("%d bytes", m.length)
	case kindValue:
		return fmt.Sprintf("a value of another type (shape %016x)", m.tag)
	case kindCBOR:
		return "a value in CBOR"
	default:
		return "between a manager and its clients"
	}
}

// An outgoing message is an encoder whose first bytes are room for the head.
type outgoing struct {
	wire.Encoder
	kind byte
	tag  uint64
}

// pool holds encoders that are not in use.
var pool = sync.Pool{New: func() any { return new(outgoing) }}

// keepBuffer is the largest buffer that is kept for the next message.
const keepBuffer = 1 << 20

func newOutgoing(kind byte, tag uint64) *outgoing {
	o := pool.Get().(*outgoing)
	if o.Bytes == nil {
		o.Bytes = make([]byte, headSize, 512)
	}
	o.Bytes = o.Bytes[:headSize]
	o.kind, o.tag = kind, tag
	return o
}

func (o *outgoing) free() {
	if cap(o.Bytes) > keepBuffer {
		return
	}
	o.Encoder = wire.Encoder{Bytes: o.Bytes, Files: o.Files[:0]}
	pool.Put(o)
}

// seal writes the head, once the body is complete.
func (o *outgoing) seal() (length int) {
	length = len(o.Bytes) - headSize
	head{length, o.kind, len(o.Files), o.tag}.put(o.Bytes)
	return length
}

// pieces are the blocks and marks of a sealed message, in turns. The first block has the head.
func (o *outgoing) pieces() [][]byte {
	n := blocks(len(o.Bytes) - headSize)
	all := make([][]byte, 0, 2*n)
	rest := o.Bytes
	for i := range n {
		size := min(blockSize, len(rest))
		if i == 0 {
			size = min(headSize+blockSize, len(rest))
		}
		mark := marks[1:]
		if i == n-1 {
			mark = marks[:1]
		}
		all = append(all, rest[:size], mark[:1])
		rest = rest[size:]
	}
	return all
}

var marks = []byte{markEnd, markMore}
