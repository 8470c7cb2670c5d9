//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// managerOf is a manager here that listens by TCP, and a way to be let in.
func managerOf(t testing.TB) (m *Manager, dial func() *Conn) {
	t.Helper()
	m = localManager(t)
	l, err := Listen("tcp", "127.0.0.1:0", ConnConfig{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- m.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return m, func() *Conn {
		c, err := Dial(t.Context(), "tcp", l.Addr().String(), ConnConfig{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// question makes a message that asks a manager.
func questionOf(tag uint64, op byte, number uint64, args []byte) *outgoing {
	o := newOutgoing(kindAsk, tag)
	o.Bytes = append(o.Bytes, op)
	o.Uint(number)
	o.Bytes = append(o.Bytes, args...)
	return o
}

// Whoever has the key and then sends rubbish loses its connection, and nobody else anything.
func TestManager_RubbishFromClients(t *testing.T) {
	m, dial := managerOf(t)
	v := must[*Variable[int]](t)(OpenVariable(t.Context(), m, "v", 1))
	for i := range 200 * (1 + soakRounds()) {
		c := dial()
		rubbish := make([]byte, rand.IntN(300))
		for i := range rubbish {
			rubbish[i] = byte(rand.IntN(256))
		}
		switch i % 4 {
		case 0: // no frame at all
			_, _ = c.c.conn.Write(rubbish)
		case 1: // half a frame
			o := questionOf(1, opLoad, 2, rubbish)
			o.seal()
			_, _ = c.c.conn.Write(o.Bytes[:rand.IntN(len(o.Bytes))])
		case 2: // a frame of a kind that clients do not send
			_ = c.send(t.Context(), newOutgoing(byte(1+rand.IntN(int(kindLast)-1)), 1))
		default: // frames with rubbish in them
			for range 20 {
				_ = c.send(t.Context(), questionOf(rand.Uint64N(4), byte(rand.IntN(256)), rand.Uint64N(6), rubbish[:rand.IntN(len(rubbish)+1)]))
			}
		}
		c.Close()
	}
	noSessions(t, m)
	if got, err := v.Load(t.Context()); got != 1 || err != nil {
		t.Error(got, err)
	}
}

// A client that asks for much and reads nothing keeps nobody waiting but itself.
func TestManager_SlowReader(t *testing.T) {
	m, dial := managerOf(t)
	v := must[*Variable[[]byte]](t)(OpenVariable(t.Context(), m, "v", make([]byte, 1<<20)))
	slow := dial()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := uint64(1); ; i++ {
			var args wire.Encoder
			args.Text("")
			if err := slow.send(ctx, questionOf(i, opOpen, v.m.r.number, nil)); err != nil {
				return
			}
			if err := slow.send(ctx, questionOf(i, opLoad, v.m.r.number, args.Bytes)); err != nil {
				return
			}
		}
	})
	quick := dial()
	for i := range 50 {
		if err := quick.send(t.Context(), questionOf(uint64(i), opAll, rootNumber, nil)); err != nil {
			t.Fatal(err)
		}
		for { // the introduction comes first
			a, err := quick.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			answered := a.kind != kindWelcome
			quick.rx.drop()
			quick.giveBack()
			if answered {
				break
			}
		}
	}
	if err := m.Close(); err != nil { // it does not wait for the slow one either
		t.Error(err)
	}
	cancel()
	wg.Wait()
}

func TestManager_ThousandsOfClients(t *testing.T) {
	before := openFiles(t)
	m, dial := managerOf(t)
	n := 500 * (1 + min(soakRounds(), 7))
	v := must[*Variable[int]](t)(OpenVariable(t.Context(), m, "v", 1))
	var all []*Conn
	for range n {
		all = append(all, dial())
	}
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() {
			var args wire.Encoder
			args.Text("")
			err1 := c.send(t.Context(), questionOf(1, opOpen, v.m.r.number, nil))
			err2 := c.send(t.Context(), questionOf(2, opLoad, v.m.r.number, args.Bytes))
			if err := errors.Join(err1, err2); err != nil {
				t.Error(err)
			}
			for _, kind := range []byte{kindWelcome, kindAnswer, kindAnswer} {
				a, err := c.take(t.Context())
				if err != nil || a.kind != kind {
					t.Error(a.kind, err)
					return
				}
				c.rx.drop()
				c.giveBack()
			}
		})
	}
	wg.Wait()
	for _, c := range all {
		c.Close()
	}
	noSessions(t, m)
	if after := openFiles(t); after > before+10 {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}

// Strangers connect to a listener by the hundred and say rubbish, or nothing, or part of a
// handshake; who has the key is let in.
func TestListen_RubbishFromStrangers(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0", ConnConfig{Key: key, Patience: time.Minute})
	for i := range 300 * (1 + soakRounds()) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		h := newHello(partyClient, key)
		switch i % 5 {
		case 0: // nothing
		case 1:
			_, _ = c.Write(h[:rand.IntN(len(h))])
		case 2:
			h[rand.IntN(len(h))] ^= byte(1 + rand.IntN(255))
			_, _ = c.Write(h[:])
			_, _ = c.Write(make([]byte, proofSize))
		case 3:
			_, _ = c.Write(h[:])
			c.Close()
		default:
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		if i%50 == 0 {
			a := dial(t, l, ConnConfig{Key: key})
			b := accept(t, l)
			tell(t, a, i)
			if got := hear[int](t, b); got != i {
				t.Error(got)
			}
			a.Close()
			b.Close()
		}
	}
}

// What a client may ask, in any order and with any arguments: the broker must not fall over, must
// be usable afterwards, and must come to its end.
func FuzzManagerQuestions(f *testing.F) {
	for op := range opCall + 1 {
		f.Add([]byte{op, 2, 0, op, 5, 3, 1, 1, 1, op | opTry, 9, 1, 0})
	}
	f.Add([]byte{opPut, 8, 1, 7, opGet, 8, 0, opGet | opTry, 9, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := NewManager()
		defer m.Close()
		var made []*remote
		for k := kindLock; k <= kindList; k++ {
			r, err := create(t.Context(), m.r.link, k, k.String(), 1, 8)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, r)
		}
		x, y := net.Pipe()
		s, err := m.b.newSession(newConn(newStream(y), true))
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(newStream(x), true)
		go func() { // what is answered is of no interest
			for c.Discard(context.Background()) == nil {
			}
		}()
		for i, r := range made {
			if c.send(t.Context(), questionOf(uint64(i), opOpen, r.number, nil)) != nil {
				break
			}
		}
		for tag := uint64(1); len(data) >= 3; tag++ {
			n := min(int(data[2]), len(data)-3)
			if data[0]&^opTry == opNew {
				data[0] = opOpen // it could ask for gigabytes, and get them
			}
			if c.send(t.Context(), questionOf(tag%4, data[0], uint64(data[1]), data[3:3+n])) != nil {
				break
			}
			data = data[3+n:]
		}
		s.end()
		c.Close()
		if _, err := m.Names(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A limit of descriptors is reached by a manager: it serves those it has, and others when there is
// room again.
func TestManager_DescriptorsRunOut(t *testing.T) {
	m := localManager(t)
	q := must[*Queue[*os.File]](t)(OpenQueue[*os.File](t.Context(), m, "", 10))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	restore := leaveRoomForOne(t)
	err1, err2 := q.Put(t.Context(), r), q.Put(t.Context(), w)
	_, err = m.r.link.id, m.r.encode(new(wire.Encoder))
	restore()
	if err1 != nil || err2 == nil || err == nil {
		t.Errorf("with room for one: %v, %v, %v", err1, err2, err)
	}
	must[*os.File](t)(q.Get(t.Context())).Close()
	if err := q.Put(t.Context(), w); err != nil {
		t.Error(err)
	}
	must[*os.File](t)(q.Get(t.Context())).Close()
}

// Messages with handles in them that cannot be sent, or that nobody takes out, leave nothing open.
func TestManager_HandlesThatNeverArrive(t *testing.T) {
	for _, way := range managersForTests[:2] {
		t.Run(way.name, func(t *testing.T) {
			m := way.make(t)
			l := must[*Lock](t)(m.Lock(t.Context(), ""))
			x, y := pipe(t)
			tell(t, x, l) // the first makes the board
			if err := hear[*Lock](t, y).Detach(); err != nil {
				t.Error(err)
			}
			before := openFiles(t)
			for range 20 {
				a, b := pipe(t)
				tell(t, a, l) // nobody takes it
				b.Close()
				for range 5 {
					if err := Send(t.Context(), a, l); !errors.Is(err, ErrPeerClosed) {
						t.Fatal(err)
					}
				}
				a.Close()
			}
			until(t, func() bool {
				runtime.GC()
				return openFiles(t) <= before
			})
			if m.b != nil {
				noSessions(t, m)
			}
			if err := errors.Join(l.Lock(t.Context()), l.Unlock()); err != nil {
				t.Error(err)
			}
		})
	}
}
