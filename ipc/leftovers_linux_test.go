package ipc

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// roleHoard makes one of everything that is shared memory, puts much into it, and waits.
var roleHoard = addRole("hoard", func(ctx context.Context, parent *Conn) error {
	m, err1 := NewMemory(8 << 20)
	q, err2 := NewQueue[[]byte](10)
	l, err3 := NewLock()
	a, err4 := NewArray[int64](1 << 16)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	clear(m.Bytes())
	err1 = m.Publish("ipc-test-hoard")
	err2 = l.Lock(ctx)
	err3 = a.Store(ctx, 7, 7)
	err4 = q.Put(ctx, make([]byte, 5<<20))
	return errors.Join(err1, err2, err3, err4, Send(ctx, parent, true), parent.Poll(ctx))
})

// Processes with all kinds of shared memory are killed, and the name under which one was to be
// found is free again: there is nothing to be removed.
func TestG60_NothingIsLeftBehind(t *testing.T) {
	before, err := os.ReadDir("/dev/shm")
	if err != nil {
		t.Skip(err)
	}
	for range 3 {
		c := startRole(t, roleHoard)
		hear[bool](t, c.Conn)
		if _, err := OpenMemory(t.Context(), "ipc-test-hoard"); err != nil {
			t.Fatal(err)
		}
		c.kill()
	}
	if _, err := OpenMemory(t.Context(), "ipc-test-hoard"); err == nil {
		t.Error("the memory of the dead has a name")
	}
	after, err := os.ReadDir("/dev/shm")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range after {
		old := slices.ContainsFunc(before, func(b os.DirEntry) bool { return b.Name() == f.Name() })
		if !old && strings.Contains(f.Name(), "troupe") { // other programs make files there too
			t.Error("left behind:", f.Name())
		}
	}
}

// rolePutAndEnd puts more into a queue than any buffer holds, and ends.
var rolePutAndEnd = addRole("put and end", func(ctx context.Context, parent *Conn) error {
	q, err := Receive[*Queue[[]byte]](ctx, parent)
	if err != nil {
		return err
	}
	return q.Put(ctx, make([]byte, 10<<20))
})

// A process ends though nobody has read what it has put; and it is there to be read.
func TestG60_ProducerEndsBeforeItsValuesAreRead(t *testing.T) {
	queues := []*Queue[[]byte]{
		must[*Queue[[]byte]](t)(NewQueue[[]byte](10)),
		must[*Queue[[]byte]](t)(OpenQueue[[]byte](t.Context(), localManager(t), "", 10)),
	}
	for _, q := range queues {
		c := startRole(t, rolePutAndEnd)
		tell(t, c.Conn, q)
		if err := c.wait(); err != nil {
			t.Fatal(err)
		}
		if b, err := q.Get(t.Context()); len(b) != 10<<20 || err != nil {
			t.Error(len(b), err)
		}
	}
}
