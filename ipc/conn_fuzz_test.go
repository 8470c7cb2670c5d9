//go:build linux || darwin

package ipc

import (
	"bytes"
	"net"
	"syscall"
	"testing"

	"github.com/troupe-go/troupe/internal/wire"
)

// What a hostile process may send.
func FuzzConnReceive(f *testing.F) {
	good := newOutgoing(kindBytes, 0)
	good.Bytes = append(good.Bytes, "hello"...)
	good.seal()
	f.Add(append(bytes.Clone(good.Bytes), markEnd))
	f.Add(append(bytes.Clone(good.Bytes), markAbort))
	f.Add(append(bytes.Clone(good.Bytes), markMore))
	huge := make([]byte, headSize)
	head{length: maxBody, kind: kindValue}.put(huge)
	f.Add(huge)
	value := newOutgoing(kindValue, 0)
	codec, err := codecFor[job](true)
	if err != nil {
		f.Fatal(err)
	}
	value.tag = codec.tag
	if err := codec.encode(&value.Encoder, job{1, "x", []byte("y")}); err != nil {
		f.Fatal(err)
	}
	value.seal()
	f.Add(append(value.Bytes, markEnd))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, y := net.Pipe()
		c := newConn(newStream(y), true)
		go func() {
			_, _ = x.Write(data)
			x.Close()
		}()
		defer c.Close()
		for range len(data)/headSize + 2 {
			if _, err := Receive[job](t.Context(), c); err != nil {
				if err := c.Discard(t.Context()); err != nil {
					return
				}
			}
		}
		t.Error("more messages than there can be")
	})
}

// What travels with a Conn is checked too.
func FuzzConnDecode(f *testing.F) {
	a, b, err := Pipe()
	if err != nil {
		f.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	var e wire.Encoder
	if err := b.EncodeWire(&e); err != nil {
		f.Fatal(err)
	}
	f.Add(e.Bytes)
	f.Fuzz(func(t *testing.T, data []byte) {
		fd, err := syscall.Dup(e.Files[0])
		if err != nil {
			t.Skip(err)
		}
		var c Conn
		d := wire.Decoder{Bytes: data, Files: []int{fd}}
		if c.DecodeWire(&d) == nil {
			_ = c.Poll(noWait)
			c.Close()
		}
		d.Close()
	})
}
