package wire

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// outgoing is the sending half of a link. Senders append to pending under a short
// lock. Whoever finds nobody writing either writes himself, or starts a goroutine
// that does, see [outgoing.put]; what is sent while somebody writes leaves with the
// next system call.
type outgoing struct {
	mu      sync.Mutex
	room    sync.Cond // pending has become smaller, or writing has ended
	pending batch
	now     batch // what is being written, by the one who writes
	spare   batch // a batch that was written, to be used again
	writing bool
	refuse  error // why nothing more may be sent
	err     error // why nothing can be written any more

	endless bool // nobody waits for room

	direct uint64    // what incoming.reads was when a sender last wrote himself
	last   time.Time // when writing last began
}

const (
	// maxPending is how many bytes may wait before Send does.
	maxPending = 1 << 20
	// quiet is after how long without writing a frame is taken to be alone.
	quiet = 100 * time.Microsecond
	// ownSegment is from which size a body is not copied into a common segment.
	ownSegment = 16 << 10
)

// A batch is what is written at once: segments one after the other.
type batch struct {
	segments []segment
	size     int
}

// A segment is a number of frames, or one with descriptors, which must go along
// with its first byte.
type segment struct {
	b     []byte
	files []int // ours to close
	keeps bool  // b is to be used again
}

// add appends b, which is used as it is if it is large or has descriptors, and
// copied if it is not.
func (t *batch) add(b []byte, files []int) (owned bool) {
	t.size += len(b)
	last := len(t.segments) - 1
	switch {
	case len(files) > 0 || len(b) >= ownSegment:
		t.segments = append(t.segments, segment{b: b, files: files})
		return true
	case last >= 0 && t.segments[last].keeps:
		t.segments[last].b = append(t.segments[last].b, b...)
		return false
	}
	if last+1 < cap(t.segments) { // perhaps with a buffer of an earlier batch
		t.segments = t.segments[:last+2]
	} else {
		t.segments = append(t.segments, segment{})
	}
	s := &t.segments[last+1]
	s.b, s.files, s.keeps = append(s.b[:0], b...), nil, true
	return false
}

// reset empties the batch, and keeps one buffer for the next.
func (t *batch) reset() {
	var kept []byte
	for i := range t.segments {
		s := &t.segments[i]
		if s.keeps && cap(s.b) > cap(kept) && cap(s.b) <= 2*maxPending {
			kept = s.b
		}
		for _, fd := range s.files {
			closeFile(fd)
		}
		if !s.keeps && cap(s.b) <= maxKept {
			frames.Put(&frame{Encoder: Encoder{Bytes: s.b[:0]}})
		}
		*s = segment{}
	}
	t.segments, t.size = t.segments[:0], 0
	if kept != nil {
		t.segments = append(t.segments, segment{b: kept})[:0]
	}
}

// send hands f over to the socket.
func (l *Link) send(f *frame) error {
	o := &l.out
	o.mu.Lock()
	for o.pending.size >= maxPending && o.refuse == nil && !o.endless {
		o.room.Wait()
	}
	ahead := o.pending.size >= maxPending
	if err := o.refuse; err != nil {
		o.mu.Unlock()
		for _, fd := range f.mine {
			closeFile(fd)
		}
		f.recycle()
		return err
	}
	owned := o.pending.add(f.Bytes, f.mine)
	if o.writing {
		o.mu.Unlock()
	} else {
		o.put(l)
	}
	if owned {
		f.Bytes = nil
	}
	f.recycle()
	if ahead {
		runtime.Gosched() // who may not wait can at least let others work
	}
	return nil
}

// put begins to write what is pending. The lock is held, and is free when put
// returns. A sender writes himself if something was received since one last did:
// then this is a question or an answer, and nothing quicker can be done. So he does
// if nothing was sent for a while. Otherwise more is likely to follow, and a
// goroutine writes, together with what follows; and what the socket does not take
// at once.
func (o *outgoing) put(l *Link) {
	o.writing = true
	reads, now := l.in.reads.Load(), time.Now()
	alone := reads != o.direct || now.Sub(o.last) > quiet
	o.last = now
	if !alone {
		o.mu.Unlock()
		go l.write()
		return
	}
	o.direct = reads
	o.take()
	o.mu.Unlock()
	rest, err := l.try(&o.now)
	o.mu.Lock()
	if !rest {
		o.wrote(l, err)
	}
	if rest || o.pending.size > 0 {
		o.mu.Unlock()
		go l.write()
		return
	}
	o.writing = false
	o.room.Broadcast()
	o.mu.Unlock()
}

// take makes what is pending what is being written. The lock is held.
func (o *outgoing) take() {
	o.now, o.pending, o.spare = o.pending, o.spare, batch{}
	o.room.Broadcast()
}

// wrote is the end of writing o.now. The lock is held.
func (o *outgoing) wrote(l *Link, err error) {
	o.now.reset()
	o.spare, o.now = o.now, batch{}
	if err != nil {
		o.fail(l.explain(err))
	}
}

// write writes what the socket has not taken, and what is pending, until nothing
// is.
func (l *Link) write() {
	o := &l.out
	o.mu.Lock()
	for o.now.size+o.pending.size > 0 && o.err == nil {
		if o.now.size == 0 {
			o.take()
		}
		o.mu.Unlock()
		err := l.writeBatch(&o.now)
		o.mu.Lock()
		o.wrote(l, err)
	}
	o.writing = false
	o.room.Broadcast()
	o.mu.Unlock()
}

// try writes as much as the socket takes at once, if t is a single segment, and
// reports whether there is a rest.
func (l *Link) try(t *batch) (rest bool, err error) {
	if len(t.segments) != 1 || l.trial == nil {
		return true, nil
	}
	s := &t.segments[0]
	n, err := l.trial.write(s.b, s.files)
	if n > 0 {
		for _, fd := range s.files {
			closeFile(fd)
		}
		s.files = nil
	}
	if n == len(s.b) || err != nil {
		return false, err
	}
	s.b = s.b[n:]
	return true, nil
}

// fail refuses what will be sent, and drops what is pending. The lock is held.
func (o *outgoing) fail(err error) {
	o.err = err
	if o.refuse == nil {
		o.refuse = err
	}
	o.pending.reset()
	o.room.Broadcast()
}

// end stops sending, after what is pending has left or a second has passed.
func (o *outgoing) end(l *Link, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = err
	o.room.Broadcast()
	if !o.writing {
		o.pending.reset()
		return
	}
	_ = l.c.SetWriteDeadline(time.Now().Add(time.Second))
	for o.writing {
		o.room.Wait()
	}
	o.pending.reset()
}

// Flush waits until everything that was sent before has been handed to the system,
// and returns the error if that failed.
func (l *Link) Flush() error {
	o := &l.out
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing && o.err == nil {
		o.room.Wait()
	}
	return o.err
}

// writeBatch writes the segments in as few system calls as possible.
func (l *Link) writeBatch(t *batch) error {
	var many net.Buffers
	for i := range t.segments {
		s := &t.segments[i]
		switch {
		case len(s.files) > 0:
			if err := writeBuffers(l.c, many); err != nil {
				return err
			}
			many = nil
			if err := writeWithFiles(l.c, s.b, s.files); err != nil {
				return err
			}
		case len(t.segments) == 1:
			_, err := l.c.Write(s.b)
			return err
		default:
			many = append(many, s.b)
		}
	}
	return writeBuffers(l.c, many)
}

func writeBuffers(c *net.UnixConn, many net.Buffers) error {
	if len(many) == 0 {
		return nil
	}
	_, err := many.WriteTo(c)
	return err
}
