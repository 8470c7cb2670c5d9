package wire

import (
	"bytes"
	"encoding/gob"
	"testing"
)

// small is the value that figures are about.
type small struct {
	A, B int
	S    string
	D    []byte
}

var aSmall = small{1, 2, "a short text", []byte("some bytes")}

func BenchmarkSmall(b *testing.B) {
	c := must(For[small]())
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		var e Encoder
		var d Decoder
		for b.Loop() {
			e.Bytes = e.Bytes[:0]
			if err := c.Encode(&e, aSmall); err != nil {
				b.Fatal(err)
			}
			d.Bytes = e.Bytes
			if _, err := c.Decode(&d); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gob stream", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		enc, dec := gob.NewEncoder(&buf), gob.NewDecoder(&buf)
		for b.Loop() {
			if err := enc.Encode(&aSmall); err != nil {
				b.Fatal(err)
			}
			var v small
			if err := dec.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gob per message", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		for b.Loop() {
			buf.Reset()
			if err := gob.NewEncoder(&buf).Encode(&aSmall); err != nil {
				b.Fatal(err)
			}
			var v small
			if err := gob.NewDecoder(&buf).Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchTrip[T any](b *testing.B, v T) {
	c := must(For[T]())
	b.ReportAllocs()
	var e Encoder
	var d Decoder
	for b.Loop() {
		e.Bytes = e.Bytes[:0]
		if err := c.Encode(&e, v); err != nil {
			b.Fatal(err)
		}
		d.Bytes = e.Bytes
		if _, err := c.Decode(&d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKinds(b *testing.B) {
	b.Run("int", func(b *testing.B) { benchTrip(b, 7) })
	b.Run("any int", func(b *testing.B) { benchTrip[any](b, 7000) })
	b.Run("64 bytes", func(b *testing.B) { benchTrip(b, make([]byte, 64)) })
	b.Run("1000 ints", func(b *testing.B) { benchTrip(b, make([]int, 1000)) })
	b.Run("100 structs", func(b *testing.B) { benchTrip(b, make([]small, 100)) })
	b.Run("map of 10", func(b *testing.B) {
		m := map[int]string{}
		for i := range 10 {
			m[i] = "x"
		}
		benchTrip(b, m)
	})
	b.Run("everything", func(b *testing.B) { benchTrip(b, full()) })
}
