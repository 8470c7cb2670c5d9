package wordindex

import (
	"bytes"
	"testing"
)

func FuzzParseTally(f *testing.F) {
	var t Table
	t.Add([]byte("word"), 1)
	t.Add([]byte("another"), 1<<40)
	f.Add(t.Append(nil))
	f.Add([]byte{0x80})
	f.Add([]byte{1, 5, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		y, err := ParseTally(b)
		if err != nil {
			return
		}
		again, err := ParseTally(y.Append(nil))
		if err != nil || !bytes.Equal(again.Append(nil), y.Append(nil)) {
			t.Errorf("%q came back as %q, %v", y.Append(nil), again.Append(nil), err)
		}
	})
}
