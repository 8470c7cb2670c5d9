package pool

import (
	"bytes"
	"testing"

	"github.com/troupe-go/troupe/internal/wire"
)

func TestItems(t *testing.T) {
	e := &wire.Encoder{}
	for i, text := range []string{"one", "", "three"} {
		start, files := beginItem(e)
		e.Bytes = append(e.Bytes, text...)
		endItem(e, start, files, byte(i), uint32(10*i), i+1)
	}
	d := &wire.Decoder{Bytes: e.Bytes}
	for i, text := range []string{"one", "", "three"} {
		it, err := nextItem(d)
		if err != nil || string(it.body.Bytes) != text || it.what != byte(i) || it.first != uint32(10*i) || it.n != i+1 {
			t.Error(it, err)
		}
	}
	if len(d.Bytes) != 0 {
		t.Error("something is left:", d.Bytes)
	}
}

func FuzzItems(f *testing.F) {
	e := &wire.Encoder{}
	start, files := beginItem(e)
	e.Bytes = append(e.Bytes, "body"...)
	endItem(e, start, files, itemResults, 1, 1)
	f.Add(e.Bytes)
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{255}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &wire.Decoder{Bytes: b}
		for len(d.Bytes) > 0 {
			before := len(d.Bytes)
			it, err := nextItem(d)
			if err != nil {
				return
			}
			if it.n < 1 || len(d.Bytes) >= before || len(it.body.Bytes) > before {
				t.Fatalf("%+v", it)
			}
		}
	})
}

func TestDeque(t *testing.T) {
	var q deque
	for i := range 100 {
		q.pushBack(span{from: i})
		q.pushFront(span{from: -i})
	}
	for i := 99; i >= 0; i-- {
		if s := q.popFront(); s.from != -i {
			t.Fatal(s.from, -i)
		}
	}
	for i := range 100 {
		if s := q.popFront(); s.from != i {
			t.Fatal(s.from, i)
		}
	}
	if q.len() != 0 {
		t.Error(q.len())
	}
}
