package ipc

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// shakeHands lets a side with cfg meet what the other function does at its end.
func shakeHands(t *testing.T, who party, cfg *ConnConfig, other func(net.Conn)) error {
	t.Helper()
	x, y := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer y.Close()
		other(y)
	}()
	_, err := handshake(t.Context(), x, who, cfg)
	x.Close()
	<-done
	return err
}

func TestAuth_MirrorIsNotLetIn(t *testing.T) {
	for _, who := range []party{partyClient, partyServer} {
		err := shakeHands(t, who, &ConnConfig{Key: key}, func(c net.Conn) {
			var h hello
			if _, err := io.ReadFull(c, h[:]); err != nil {
				return
			}
			_, _ = c.Write(h[:])
			_, _ = io.Copy(c, c)
		})
		if !errors.Is(err, ErrAuth) {
			t.Errorf("%c: %v", who, err)
		}
	}
}

// Somebody in the middle turns the proofs of two clients round, or of a client against itself.
func TestAuth_ProofsAreBoundToTheirDirection(t *testing.T) {
	c, s := newHello(partyClient, key), newHello(partyServer, key)
	proofs := [][]byte{
		prove(key, partyClient, &c, &s), prove(key, partyServer, &c, &s),
		prove(key, partyClient, &s, &c), prove(key, partyServer, &s, &c),
	}
	s[len(helloMagic)]++ // another version
	proofs = append(proofs, prove(key, partyClient, &c, &s), prove(key, partyServer, &c, &s))
	for i, p := range proofs {
		for _, q := range proofs[:i] {
			if bytes.Equal(p, q) {
				t.Error("two proofs are equal")
			}
		}
	}
	if a, b := newHello(partyClient, key), newHello(partyClient, key); a == b {
		t.Error("hellos repeat themselves")
	}
}

func TestAuth_ReplayIsRefused(t *testing.T) {
	var proof [proofSize]byte
	var said hello
	for round := range 2 {
		err := shakeHands(t, partyServer, &ConnConfig{Key: key}, func(c net.Conn) {
			var theirs hello
			sent := make(chan struct{})
			go func() {
				if round == 0 {
					said = newHello(partyClient, key)
				}
				_, _ = c.Write(said[:])
				close(sent)
			}()
			if _, err := io.ReadFull(c, theirs[:]); err != nil {
				return
			}
			<-sent
			if round == 0 {
				proof = [proofSize]byte(prove(key, partyClient, &said, &theirs))
			}
			_, _ = c.Write(proof[:])
			_, _ = io.ReadAll(c)
		})
		if (err == nil) != (round == 0) || round == 1 && !errors.Is(err, ErrAuth) {
			t.Errorf("round %d: %v", round, err)
		}
	}
}

// A server that does not have the key learns nothing that lets it in elsewhere, and the client
// finds out.
func TestAuth_ServerMustProveToo(t *testing.T) {
	err := shakeHands(t, partyClient, &ConnConfig{Key: key}, func(c net.Conn) {
		h := newHello(partyServer, key)
		var theirs hello
		if _, err := io.ReadFull(c, theirs[:]); err != nil {
			return
		}
		_, _ = c.Write(h[:])
		var proof [proofSize]byte
		_, _ = io.ReadFull(c, proof[:])
		_, _ = c.Write(append([]byte{1}, proof[:]...)) // the client's own
	})
	if err != ErrAuth {
		t.Error(err)
	}
}

func TestAuth_OtherProtocolsAndVersions(t *testing.T) {
	say := func(b []byte) func(net.Conn) {
		return func(c net.Conn) {
			go func() { _, _ = c.Write(b) }()
			_, _ = io.ReadAll(c)
		}
	}
	cfg := &ConnConfig{Key: key, Patience: time.Minute}
	if err := shakeHands(t, partyServer, cfg, say(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 10))); err == nil {
		t.Error("spoke HTTP")
	}
	h := newHello(partyClient, key)
	h[len(helloMagic)] = 9
	err := shakeHands(t, partyServer, cfg, say(h[:]))
	if err == nil || errors.Is(err, ErrAuth) || !bytes.Contains([]byte(err.Error()), []byte("version 9")) {
		t.Error(err)
	}
	err = shakeHands(t, partyServer, cfg, func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 5)) })
	if err == nil {
		t.Error("the other side went away")
	}
}

// Two programs that are not the same executable exchange what is plain.
func TestConn_OtherBuildTalksCBOR(t *testing.T) {
	x, y := net.Pipe()
	a, b := newConn(newStream(x), false), newConn(newStream(y), false)
	defer a.Close()
	defer b.Close()
	type theirs struct { // the same as job, of another version
		ID    int
		Name  string
		Extra *float64
		When  time.Time
	}
	type ours struct {
		ID   int
		Name string
		When time.Time
		Tags map[string][]int
	}
	when := time.Date(2030, 1, 2, 3, 4, 5, 600, time.UTC)
	sent := make(chan error)
	go func() { sent <- Send(t.Context(), a, ours{5, "five", when, map[string][]int{"a": {1, 2}}}) }()
	got, err := Receive[theirs](t.Context(), b)
	if err != nil || <-sent != nil || got.ID != 5 || got.Name != "five" || !got.When.Equal(when) || got.Extra != nil {
		t.Error(got, err)
	}
	go func() { sent <- Send(t.Context(), a, "text") }()
	if _, err := Receive[int](t.Context(), b); err == nil || <-sent != nil {
		t.Error("a text was received as a number")
	}
	go func() { sent <- Send(t.Context(), a, 7) }()
	if got, err := Receive[int](t.Context(), b); got != 7 || err != nil || <-sent != nil {
		t.Error(got, err)
	}
	for _, err := range []error{
		Send(t.Context(), a, struct{ secret int }{1}),
		Send(t.Context(), a, struct{ C *Conn }{b}),
		Send(t.Context(), a, map[string]any{}),
		Send(t.Context(), a, []func(){}),
	} {
		if err == nil {
			t.Error("sent what the other program cannot understand")
		} else {
			t.Log(err)
		}
	}
}

func FuzzHandshake(f *testing.F) {
	h := newHello(partyClient, key)
	f.Add(h[:], true, true)
	f.Add(append(h[:], make([]byte, proofSize)...), true, true)
	s := newHello(partyServer, nil)
	f.Add(append(s[:], 1), false, false)
	f.Fuzz(func(t *testing.T, data []byte, asServer, withKey bool) {
		who, cfg := partyClient, &ConnConfig{Patience: time.Minute}
		if asServer {
			who = partyServer
		}
		if withKey {
			cfg.Key = key
		}
		err := shakeHands(t, who, cfg, func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			_, _ = c.Write(data)
		})
		if err == nil && withKey {
			t.Error("let in a stranger")
		}
	})
}

func TestAuth_BuildIsKnown(t *testing.T) {
	h := newHello(partyClient, nil)
	build := wire.Build()
	if !bytes.Equal(h.build(), build[:]) || build == [16]byte{} {
		t.Error(build)
	}
}
