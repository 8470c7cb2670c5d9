package ipc

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/troupe-go/troupe/internal/wire"
)

// A board is memory that a broker shares with its clients on the same machine, where there is
// shared memory. For every variable that somebody else has open it shows a number, which changes
// before a change of the variable is acknowledged to anybody. As long as the number is the
// one that came with a value, a client still has the value, and need not ask again.
//
// Only the broker writes. Nobody depends on the board: without one, everything takes a question.
type board struct {
	memory *Memory
	words  []atomic.Uint64

	// The broker's own. Word 0 is never used.
	free []uint64
	next uint64 // words from here on were never used
	last uint64 // the last number shown
}

const boardWords = 8 << 10

// newBoard returns nil where there is no shared memory, or no more of it.
func newBoard() *board {
	m, err := NewMemory(8 * boardWords)
	if err != nil {
		return nil
	}
	b := boardOf(m)
	b.next = 1
	return b
}

// boardOf makes a board of memory, which belongs to it from now on. The memory stays mapped as
// long as anybody here refers to the board.
func boardOf(m *Memory) *board {
	first := (*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(m.Bytes())))
	b := &board{memory: m, words: unsafe.Slice(first, boardWords)}
	runtime.AddCleanup(b, func(m *Memory) { _ = m.Detach() }, m)
	return b
}

// close gives the descriptor back now, and the memory once nobody refers to the board. b may be nil.
func (b *board) close() {
	if b != nil {
		_ = b.memory.Detach()
	}
}

// take returns the number of a word that nobody uses, or 0.
func (b *board) take() (n uint64) {
	switch {
	case len(b.free) > 0:
		n = b.free[len(b.free)-1]
		b.free = b.free[:len(b.free)-1]
	case b.next < boardWords:
		n = b.next
		b.next++
	default:
		return 0
	}
	b.change(n)
	return n
}

// change shows a number in word n that was never there before.
func (b *board) change(n uint64) {
	b.last++
	b.words[n].Store(b.last)
}

// giveBack makes word n free. Nobody who has it looks at it any more.
func (b *board) giveBack(n uint64) { b.free = append(b.free, n) }

// show returns what word n shows; 0 says that it shows nothing. b may be nil.
func (b *board) show(n uint64) uint64 {
	if b == nil || n == 0 || n >= boardWords {
		return 0
	}
	v := b.words[n].Load()
	runtime.KeepAlive(b)
	return v
}

// encode appends the board to the words with which a broker introduces itself.
func (b *board) encode(e *wire.Encoder) {
	before := *e
	if b == nil || b.memory.EncodeWire(e) != nil {
		*e = before
	}
}

// openBoard takes the board from a broker's introduction, if it has one. A board that cannot be
// mapped, as in another container, is as good as none.
func openBoard(d *wire.Decoder) *board {
	defer d.Close()
	var m Memory
	if len(d.Bytes) == 0 || m.DecodeWire(d) != nil {
		return nil
	}
	if len(m.Bytes()) != 8*boardWords {
		_ = m.Detach()
		return nil
	}
	return boardOf(&m)
}

// A copied value is one that the broker has given or taken, together with what the board showed
// then.
type copied struct {
	shown uint64
	blob  blob
}

// copy returns the value of a variable, if this process has it and it is still the value.
func (r *remote) copy() (blob, bool) {
	c := r.copied.Load()
	if c == nil || r.shown() != c.shown || r.link.broken() || r.detached() {
		return blob{}, false
	}
	return c.blob, true
}

// shown is what the board shows for the object, or 0.
func (r *remote) shown() uint64 {
	if c, ok := r.link.transport.(*client); ok {
		return c.board.Load().show(r.word.Load())
	}
	return 0
}

// keepCopy keeps a value that the broker has just given or taken. What brings descriptors is not
// kept. At the end of the answer stands where on the board to look, and what is shown there.
func (r *remote) keepCopy(b blob, rest *wire.Decoder) {
	if len(rest.Bytes) == 0 || len(b.files) > 0 {
		return
	}
	word, err1 := rest.Uint()
	shown, err2 := rest.Uint()
	if err1 == nil && err2 == nil && shown != 0 {
		r.word.Store(word)
		r.copied.Store(&copied{shown, b})
	}
}

// errBoard is for those who introduce themselves badly.
var errBoard = errors.New("ipc: the manager introduced itself with too few words")

// introduction reads what a broker says first.
func introduction(m message) (id [16]byte, b *board, err error) {
	d := wire.Decoder{Bytes: m.body, Files: m.files}
	if len(m.body) < len(id) {
		d.Close()
		return id, nil, errBoard
	}
	id = [16]byte(m.body)
	d.Bytes = d.Bytes[len(id):]
	return id, openBoard(&d), nil
}
