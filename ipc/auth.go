package ipc

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// ErrAuth is returned when the two sides of a connection do not have the same key, or one has
// none, or, without keys, when they belong to different users of the machine.
var ErrAuth = errors.New("ipc: authentication failed: both sides need the same key")

// minKey is the shortest key. Who listens to a handshake can try keys at leisure, so that it
// must not be a password.
const minKey = 16

// NewKey returns a new key of 32 random bytes, for [ConnConfig.Key].
func NewKey() []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return key
}

// The handshake. Each side begins with a hello of fixed size. The client then proves that it
// has the key; the server answers with a verdict and, if that is good, its own proof. A proof
// is an HMAC-SHA-256 over who proves and both hellos: it cannot be turned round, used again,
// or used for another version of the protocol. Nobody who has not proved anything gets more
// than fixed sizes read, a fixed time, and not a proof in return.
//
//	hello: "troupe.ipc" | version uint16 | who | has key | build [16] | nonce [32]
//	proof: [32]
//	verdict: 1 (welcome) or 0 (refused)
const (
	helloMagic   = "troupe.ipc"
	helloVersion = 1
	helloSize    = len(helloMagic) + 2 + 1 + 1 + 16 + 32
	proofSize    = sha256.Size
)

type party byte

const (
	partyClient party = 'c'
	partyServer party = 's'
)

type hello [helloSize]byte

func newHello(who party, key []byte) (h hello) {
	b := h[:0]
	b = append(b, helloMagic...)
	b = binary.LittleEndian.AppendUint16(b, helloVersion)
	b = append(b, byte(who), hasKey(key))
	build := wire.Build()
	b = append(b, build[:]...)
	rand.Read(h[len(b):])
	return h
}

func hasKey(key []byte) byte {
	if len(key) > 0 {
		return 1
	}
	return 0
}

func (h *hello) version() uint16 { return binary.LittleEndian.Uint16(h[len(helloMagic):]) }
func (h *hello) who() party      { return party(h[len(helloMagic)+2]) }
func (h *hello) hasKey() byte    { return h[len(helloMagic)+3] }
func (h *hello) build() []byte   { return h[len(helloMagic)+4:][:16] }

// check says why the other side's hello is not what is expected.
func (h *hello) check(ours *hello) error {
	switch {
	case !bytes.HasPrefix(h[:], []byte(helloMagic)):
		return fmt.Errorf("ipc: the other side does not speak this protocol: it began with %q", h[:len(helloMagic)])
	case h.version() != helloVersion:
		return fmt.Errorf("ipc: the other side speaks version %d of the protocol, this one %d: update the older program", h.version(), helloVersion)
	case h.who() == ours.who():
		return fmt.Errorf("%w: the other side says of itself what this one is", ErrAuth)
	case h.hasKey() != ours.hasKey():
		return fmt.Errorf("%w: one has a key and the other has none", ErrAuth)
	}
	return nil
}

// prove returns the proof of who, over both hellos.
func prove(key []byte, who party, fromClient, fromServer *hello) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte{byte(who)})
	mac.Write(fromClient[:])
	mac.Write(fromServer[:])
	return mac.Sum(nil)
}

// handshake introduces both sides of c to each other within the time given, and reports
// whether the other one is the same program. c is closed if that fails.
func handshake(ctx context.Context, c net.Conn, who party, cfg *ConnConfig) (native bool, err error) {
	_ = c.SetDeadline(time.Now().Add(cfg.patience()))
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(longAgo) })
	ours := newHello(who, cfg.Key)
	theirs, err := introduce(c, who, &ours, cfg)
	switch {
	case !stop():
		err = context.Cause(ctx)
	case err == nil:
		_ = c.SetDeadline(time.Time{})
		return bytes.Equal(ours.build(), theirs.build()), nil
	}
	_ = c.Close()
	return false, err
}

func introduce(c net.Conn, who party, ours *hello, cfg *ConnConfig) (theirs *hello, err error) {
	theirs = new(hello)
	if _, err := c.Write(ours[:]); err != nil {
		return nil, shake(err)
	}
	if _, err := io.ReadFull(c, theirs[:]); err != nil {
		return nil, shake(err)
	}
	if err := theirs.check(ours); err != nil {
		return nil, err
	}
	if who == partyClient {
		return theirs, proveToServer(c, cfg.Key, ours, theirs)
	}
	return theirs, proveToClient(c, cfg.Key, theirs, ours)
}

func proveToServer(c net.Conn, key []byte, ours, theirs *hello) error {
	if len(key) > 0 {
		if _, err := c.Write(prove(key, partyClient, ours, theirs)); err != nil {
			return shake(err)
		}
	}
	var answer [1 + proofSize]byte
	switch _, err := io.ReadFull(c, answer[:1]); {
	case err != nil:
		return shake(err)
	case answer[0] != 1:
		return ErrAuth
	case len(key) == 0:
		return nil
	}
	if _, err := io.ReadFull(c, answer[1:]); err != nil {
		return shake(err)
	}
	if !hmac.Equal(answer[1:], prove(key, partyServer, ours, theirs)) {
		return ErrAuth
	}
	return nil
}

func proveToClient(c net.Conn, key []byte, theirs, ours *hello) error {
	answer := []byte{1}
	if len(key) > 0 {
		var proof [proofSize]byte
		if _, err := io.ReadFull(c, proof[:]); err != nil {
			return shake(err)
		}
		if !hmac.Equal(proof[:], prove(key, partyClient, theirs, ours)) {
			_, _ = c.Write([]byte{0})
			return ErrAuth
		}
		answer = append(answer, prove(key, partyServer, theirs, ours)...)
	}
	if _, err := c.Write(answer); err != nil {
		return shake(err)
	}
	return nil
}

// shake explains an error of the connection during the handshake.
func shake(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("ipc: the other side went away during the handshake: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("ipc: handshake: %w", err)
}
