package ipc

import (
	"bytes"
	"errors"
	"runtime"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A directQueue is a queue in whose memory values can be encoded and decoded in place, which
// saves a copy each. begin and end lie around the codec, with a mutex held; that is for codecs
// that run no code of others. What cannot be done in place, or at once, goes the other way.
type directQueue = sharedQueue

func directOf(b queueBackend) *directQueue {
	q, _ := b.(*sharedQueue)
	return q
}

// enterNow locks one of the mutexes, if that is possible at once.
func (q *sharedQueue) enterNow(m *shm.Mutex, mark *shm.Mark) bool {
	if q.detached.Load() {
		return false
	}
	err := m.Lock(noWait)
	if err != nil && errors.Is(err, ErrOwnerDied) {
		mark.Renew()
		return true
	}
	return err == nil
}

// beginPut returns an encoder whose memory lies behind the tail, with puts locked, or nil. It
// picks the place as if the message were as large as the one before.
func (q *sharedQueue) beginPut() *wire.Encoder {
	if !q.enterNow(q.puts, q.filled) {
		return nil
	}
	pos, skip, ok := q.ring.place(q.lastSize)
	if !ok || !q.turnstile.Free() || q.ring.closed() {
		_ = q.puts.Unlock()
		return nil
	}
	size, _ := used(q.ring.head.Load(), q.ring.tail.Load())
	q.pos, q.skip = pos, skip
	end := pos + min(len(q.ring.mem)-size-skip, len(q.ring.mem)-pos)
	q.encoder.Bytes = q.ring.mem[pos+ringHeader : pos+ringHeader : end]
	return &q.encoder
}

// endPut puts what was encoded. If it did not fit, or has files, it is returned in other
// memory, and is the caller's.
func (q *sharedQueue) endPut(failed error) (rest *wire.Encoder, err error) {
	defer runtime.KeepAlive(q)
	e := &q.encoder
	at := q.pos + ringHeader // which is the end of the memory if there was room for a header only
	inPlace := len(e.Bytes) == 0 || at < len(q.ring.mem) && &e.Bytes[0] == &q.ring.mem[at]
	m := ringEntry{length: len(e.Bytes)}
	q.lastSize = min(m.size(), len(q.ring.mem)/2)
	switch {
	case failed != nil:
	case inPlace && len(e.Files) == 0 && m.size() <= len(q.ring.mem)/2:
		tail := q.ring.write(m, q.pos, q.skip, nil)
		q.filled.Ring()
		q.Order().Published()
		q.ring.tail.Store(tail)
	default:
		rest = new(wire.Encoder)
		if *rest, *e = *e, (wire.Encoder{}); inPlace {
			rest.Bytes = bytes.Clone(rest.Bytes)
		}
	}
	q.encoder = wire.Encoder{Files: e.Files[:0]}
	_ = q.puts.Unlock()
	return rest, failed
}

// beginGet returns a decoder of the first message, with gets locked, or nil.
func (q *sharedQueue) beginGet() *wire.Decoder {
	if q.ring.empty() || !q.enterNow(q.gets, q.freed) {
		return nil
	}
	if !q.ring.empty() {
		q.Order().Observed()
		e, body, head, err := q.ring.first()
		if err == nil && e.files == 0 {
			q.nextHead = head
			q.decoder = wire.Decoder{Bytes: body}
			return &q.decoder
		}
	}
	_ = q.gets.Unlock()
	return nil
}

// endGet takes the message away.
func (q *sharedQueue) endGet() {
	q.freed.Ring()
	q.ring.head.Store(q.nextHead)
	_ = q.gets.Unlock()
	runtime.KeepAlive(q)
}
