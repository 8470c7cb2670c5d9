package ipc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func listen(t testing.TB, network, address string, cfg ConnConfig) *Listener {
	t.Helper()
	l, err := Listen(network, address, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t testing.TB, l *Listener, cfg ConnConfig) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), l.Addr().Network(), l.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func accept(t testing.TB, l *Listener) *Conn {
	t.Helper()
	c, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// addresses are the kinds of address that there are.
func addresses(t *testing.T) map[string][2]string {
	all := map[string][2]string{
		"tcp":  {"tcp", "127.0.0.1:0"},
		"path": {"unix", filepath.Join(t.TempDir(), "s")},
	}
	if runtime.GOOS == "linux" {
		all["abstract"] = [2]string{"unix", "@troupe-test-" + t.Name()}
	}
	return all
}

func TestListen_EveryNetwork(t *testing.T) {
	for name, at := range addresses(t) {
		t.Run(name, func(t *testing.T) {
			l := listen(t, at[0], at[1], ConnConfig{Key: key})
			a, b := dial(t, l, ConnConfig{Key: key}), accept(t, l)
			if !a.native || !b.native {
				t.Error("this program does not know itself")
			}
			tell(t, a, job{ID: 1})
			if got := hear[job](t, b); got.ID != 1 {
				t.Error(got)
			}
			go func() { _ = Send(t.Context(), b, make([]byte, 5<<20)) }()
			if got := hear[[]byte](t, a); len(got) != 5<<20 {
				t.Error(len(got))
			}
			a.Close()
			if _, err := Receive[job](t.Context(), b); err != io.EOF {
				t.Error(err)
			}
		})
	}
}

func TestListen_WrongKeyIsErrAuthOnBothSides(t *testing.T) {
	longer := append(bytes.Clone(key), 'x')
	for name, keys := range map[string][2][]byte{
		"another":            {key, longer},
		"none at the client": {key, nil},
		"none at the server": {nil, key},
	} {
		t.Run(name, func(t *testing.T) {
			rejected := make(chan error, 1)
			l := listen(t, "unix", filepath.Join(t.TempDir(), "s"), ConnConfig{
				Key: keys[0], Rejected: func(_ net.Addr, why error) { rejected <- why },
			})
			_, err := Dial(t.Context(), "unix", l.Addr().String(), ConnConfig{Key: keys[1]})
			if !errors.Is(err, ErrAuth) {
				t.Errorf("client: %v", err)
			}
			if err := <-rejected; !errors.Is(err, ErrAuth) {
				t.Errorf("server: %v", err)
			}
			if err := l.Poll(noWait); err != errBusy {
				t.Errorf("a stranger was let in: %v", err)
			}
			dial(t, l, ConnConfig{Key: keys[0]})
			accept(t, l)
		})
	}
}

func TestListen_KeysAreChecked(t *testing.T) {
	if _, err := Listen("tcp", "127.0.0.1:0", ConnConfig{}); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("tcp without a key: %v", err)
	}
	if _, err := Dial(t.Context(), "tcp", "127.0.0.1:1", ConnConfig{}); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("tcp without a key: %v", err)
	}
	if _, err := Listen("unix", "x", ConnConfig{Key: []byte("secret")}); err == nil || !strings.Contains(err.Error(), "guessed") {
		t.Errorf("short key: %v", err)
	}
	if a, b := NewKey(), NewKey(); len(a) != 32 || bytes.Equal(a, b) {
		t.Error(a, b)
	}
}

// Silent strangers, of whom there are more than the listener cares for, keep nobody waiting,
// and do not stay.
func TestListen_SilentStrangers(t *testing.T) {
	rejected := make(chan error, 4*maxStrangers)
	l := listen(t, "tcp", "127.0.0.1:0", ConnConfig{
		Key: key, Patience: time.Hour, Rejected: func(_ net.Addr, why error) { rejected <- why },
	})
	var strangers []net.Conn
	for range 2 * maxStrangers {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		strangers = append(strangers, c)
	}
	a, b := dial(t, l, ConnConfig{Key: key}), accept(t, l)
	tell(t, a, 1)
	hear[int](t, b)
	for range maxStrangers {
		<-rejected
	}
	if _, err := io.Copy(io.Discard, strangers[0]); err != nil { // its hello, then the end
		t.Log(err)
	}
	l.mu.Lock()
	if n := len(l.strangers); n > maxStrangers {
		t.Errorf("%d strangers", n)
	}
	l.mu.Unlock()
	l.Close() // returns, though strangers are about
}

func TestListen_PatienceEnds(t *testing.T) {
	rejected := make(chan error, 1)
	l := listen(t, "tcp", "127.0.0.1:0", ConnConfig{
		Key: key, Patience: time.Millisecond, Rejected: func(_ net.Addr, why error) { rejected <- why },
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-rejected; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	// The other way round: a listener that says nothing.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	_, err = Dial(t.Context(), "tcp", mute.Addr().String(), ConnConfig{Key: key, Patience: time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(errEnough) })
	if _, err := Dial(ctx, "tcp", mute.Addr().String(), ConnConfig{Key: key}); err != errEnough {
		t.Error(err)
	}
}

func TestListen_Close(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l := listen(t, "unix", path, ConnConfig{})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	unaccepted := dial(t, l, ConnConfig{})
	accepting := make(chan error)
	go func() {
		for {
			if _, err := l.Accept(t.Context()); err != nil {
				accepting <- err
				return
			}
		}
	}()
	l.Close()
	l.Close()
	if err := <-accepting; err != ErrClosed {
		t.Error(err)
	}
	unaccepted.Close()
	if all, err := os.ReadDir(filepath.Dir(path)); len(all) != 0 {
		t.Error("left behind:", all, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	if _, err := l.Accept(ctx); err != errEnough {
		t.Error(err)
	}
	if err := l.Poll(t.Context()); err != nil {
		t.Error(err)
	}
}

var roleListen = addRole("listen", func(ctx context.Context, parent *Conn) error {
	path, err := Receive[string](ctx, parent)
	if err != nil {
		return err
	}
	if _, err := Listen("unix", path, ConnConfig{}); err != nil {
		return err
	}
	if err := Send(ctx, parent, true); err != nil {
		return err
	}
	return parent.Poll(ctx)
})

func TestG60_SocketOfADeadListenerIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := startRole(t, roleListen)
	tell(t, c.Conn, path)
	hear[bool](t, c.Conn)
	if _, err := Listen("unix", path, ConnConfig{}); err == nil {
		t.Fatal("took the place of a living listener")
	}
	c.kill()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	// Several want its place: one gets it.
	var wg sync.WaitGroup
	var got []*Listener
	var mu sync.Mutex
	for range 8 {
		wg.Go(func() {
			if l, err := Listen("unix", path, ConnConfig{}); err == nil {
				mu.Lock()
				got = append(got, l)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Fatalf("%d have it", len(got))
	}
	dial(t, got[0], ConnConfig{})
	accept(t, got[0])
	got[0].Close()
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 0 {
		t.Error("left behind:", all)
	}
}

func TestListen_OtherFilesAreNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix", path, ConnConfig{}); err == nil {
		t.Error("listens in place of a file")
	}
	if b, err := os.ReadFile(path); string(b) != "precious" {
		t.Error(string(b), err)
	}
	os.Remove(path)
	l := listen(t, "unix", path, ConnConfig{})
	os.Remove(path)
	next := listen(t, "unix", path, ConnConfig{})
	l.Close() // must not remove what is its successor's
	dial(t, next, ConnConfig{})
}

func TestListen_OverTLS(t *testing.T) {
	cert := testCertificate(t)
	nl, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(nl, ConnConfig{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	a := dial(t, l, ConnConfig{Key: key, Connect: dialer.DialContext})
	b := accept(t, l)
	tell(t, a, job{ID: 9})
	if got := hear[job](t, b); got.ID != 9 {
		t.Error(got)
	}
}

func TestWaitAny(t *testing.T) {
	l := listen(t, "unix", filepath.Join(t.TempDir(), "s"), ConnConfig{})
	a, b := pipe(t)
	c, d := pipe(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() {
		i, err := WaitAny(ctx, b, l, d)
		if i != -1 {
			t.Error(i)
		}
		done <- err
	}()
	cancel(errEnough)
	if err := <-done; err != errEnough {
		t.Error(err)
	}
	if i, err := WaitAny(ctx, b, l, d); i != -1 || err != errEnough {
		t.Error(i, err)
	}
	if i, err := WaitAny(ctx); i != -1 || err != errEnough {
		t.Error(i, err)
	}
	for range 100 {
		found := make(chan int)
		go func() {
			i, err := WaitAny(t.Context(), b, l, d)
			if err != nil {
				t.Error(err)
			}
			found <- i
		}()
		tell(t, c, 1)
		if i := <-found; i != 2 {
			t.Fatal(i)
		}
		hear[int](t, d)
	}
	tell(t, a, 1)
	tell(t, c, 1)
	dial(t, l, ConnConfig{})
	if err := l.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	var seen [3]int
	for range 200 {
		i, err := WaitAny(ctx, b, l, d) // though ctx has ended
		if err != nil {
			t.Fatal(err)
		}
		seen[i]++
	}
	for i, n := range seen {
		if n == 0 {
			t.Errorf("%d was never chosen", i)
		}
	}
}
