package wordindex

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
)

// A Table counts words. It is a hash table whose words stand in one run of
// bytes: counting a known word allocates nothing, and a table of ten thousand
// words is three allocations for the garbage collector, not ten thousand. The
// zero Table is ready for use.
type Table struct {
	Tally
	slots []uint32 // 1 + the index of a word, or 0; their number is a power of two
}

// A Tally is what was counted: words, in the order in which they were first
// met, and how often each was met.
type Tally struct {
	words []entry
	text  []byte
}

type entry struct {
	n     uint64
	start int
	hash  uint32
	size  uint8
}

// minSlots is the size of a small table; a table that has grown beyond maxKept
// slots is made anew when it is reset.
const (
	minSlots = 1 << 10
	maxKept  = 1 << 16
)

// Add counts n more of word.
func (t *Table) Add(word []byte, n uint64) { t.add(word, uint32(Hash(word)), n) }

func (t *Table) add(word []byte, hash uint32, n uint64) {
	if 2*len(t.words) >= len(t.slots) {
		t.grow()
	}
	mask := uint32(len(t.slots) - 1)
	at := hash & mask
	for ; t.slots[at] != 0; at = (at + 1) & mask {
		e := &t.words[t.slots[at]-1]
		if e.hash == hash && string(t.of(e)) == string(word) {
			e.n += n
			return
		}
	}
	t.words = append(t.words, entry{n: n, start: len(t.text), hash: hash, size: uint8(len(word))})
	t.text = append(t.text, word...)
	t.slots[at] = uint32(len(t.words))
}

// grow doubles the number of slots.
func (t *Table) grow() {
	t.slots = make([]uint32, max(minSlots, 2*len(t.slots)))
	mask := uint32(len(t.slots) - 1)
	for i := range t.words {
		at := t.words[i].hash & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = uint32(i + 1)
	}
}

// Merge adds all that y holds.
func (t *Table) Merge(y Tally) {
	for i := range y.words {
		e := &y.words[i]
		t.add(y.of(e), e.hash, e.n)
	}
}

// Copy returns what was counted so far, with no tie to the table.
func (t *Table) Copy() Tally {
	return Tally{words: slices.Clone(t.words), text: slices.Clone(t.text)}
}

// Reset empties the table. It keeps its memory if that is not much.
func (t *Table) Reset() {
	if len(t.slots) > maxKept {
		*t = Table{}
		return
	}
	clear(t.slots)
	t.words, t.text = t.words[:0], t.text[:0]
}

func (y *Tally) of(e *entry) []byte { return y.text[e.start : e.start+int(e.size)] }

// Len returns the number of different words.
func (y *Tally) Len() int { return len(y.words) }

// All returns the words and their counts. A word is valid as long as the tally
// is not changed.
func (y *Tally) All() iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		for i := range y.words {
			if !yield(y.of(&y.words[i]), y.words[i].n) {
				return
			}
		}
	}
}

// A Count is a word and how often it was met.
type Count struct {
	Word string
	N    uint64
}

// Top returns the n most frequent words, the most frequent first and equally
// frequent ones in the order of the alphabet.
func (y *Tally) Top(n int) []Count {
	var top []Count
	order := func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Word, b.Word))
	}
	for word, count := range y.All() {
		if len(top) >= n && (n <= 0 || count < top[n-1].N) {
			continue
		}
		c := Count{Word: string(word), N: count}
		at, _ := slices.BinarySearchFunc(top, c, order)
		top = slices.Insert(top, at, c)
		top = top[:min(len(top), n)]
	}
	return top
}

// Hash returns the same number for the same word in every program and on every
// machine, so that workers in different programs can be added up.
func Hash(word []byte) uint64 {
	h := uint64(len(word)) * 0x9e3779b97f4a7c15
	for ; len(word) >= 8; word = word[8:] {
		h = mix(h^binary.LittleEndian.Uint64(word), 0xa0761d6478bd642f)
	}
	var rest uint64
	for i, c := range word {
		rest |= uint64(c) << (8 * i)
	}
	return mix(h^rest, 0xe7037ed1a0b428db)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
