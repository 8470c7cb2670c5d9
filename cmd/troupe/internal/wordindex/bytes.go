package wordindex

import (
	"encoding/binary"
	"errors"
)

// Append appends the tally to b, in the form that ParseTally reads.
func (y *Tally) Append(b []byte) []byte {
	for word, n := range y.All() {
		b = binary.AppendUvarint(b, n)
		b = append(b, uint8(len(word)))
		b = append(b, word...)
	}
	return b
}

// ParseTally returns the tally that was appended to nothing.
func ParseTally(b []byte) (Tally, error) {
	var y Tally
	for len(b) > 0 {
		n, used := binary.Uvarint(b)
		if used <= 0 || used >= len(b) || len(b) <= used+int(b[used]) {
			return Tally{}, errors.New("wordindex: this is not a tally, or it is cut short")
		}
		size := b[used]
		word := b[used+1:][:size]
		y.words = append(y.words, entry{n: n, start: len(y.text), hash: uint32(Hash(word)), size: size})
		y.text = append(y.text, word...)
		b = b[used+1+int(size):]
	}
	return y, nil
}
