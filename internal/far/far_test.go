//go:build unix

package far

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/troupe-go/troupe/internal/wire"
)

// A world is a node whose processes write down what happens to them.
type world struct {
	mu    sync.Mutex
	next  uint64
	names map[string]Process
	said  []string
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *world) process(label string) *actor {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return &actor{world: w, number: w.next, label: label}
}

func (w *world) StandIn(p *Peer, number uint64, label string, _ uint64) Process {
	a := w.process("far " + label)
	a.peer, a.away = p, number
	return a
}

func (w *world) Find(name string) (Process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[name], nil
}

var errTaken = errors.New("taken")

func (w *world) Register(name string, q Process) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names[name] != nil {
		return errTaken
	}
	if w.names == nil {
		w.names = make(map[string]Process)
	}
	w.names[name] = q
	return nil
}

func (w *world) Unregister(name string, _ Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.names, name)
}

func (w *world) Report(what string, err error) { w.note("report: %s: %v", what, err) }

// An actor is a process of a world.
type actor struct {
	world  *world
	number uint64
	label  string
	peer   *Peer
	away   uint64
	hook   func(text string) // gets messages, if set, instead of the world's notes

	mu      sync.Mutex
	watched *Peer
	dead    bool
	reason  error
}

func (a *actor) Number() uint64             { return a.number }
func (a *actor) Describe() (string, uint64) { return a.label, 7 }
func (a *actor) Away() (*Peer, uint64)      { return a.peer, a.away }

func (a *actor) Receive(from Process, body *wire.Decoder, urgent bool) error {
	text, err := body.Text()
	if err != nil {
		return err
	}
	if a.hook != nil {
		a.hook(text)
		return nil
	}
	sender := "nobody"
	if from != nil {
		sender = from.(*actor).label
	}
	a.world.note("%s got %q from %s %v", a.label, text, sender, urgent)
	return nil
}

func (a *actor) Signal(s Signal, from Process, reason error) {
	sender := "nobody"
	if from != nil {
		sender = from.(*actor).label
	}
	a.world.note("%s got signal %d from %s: %v", a.label, s, sender, reason)
}

func (a *actor) Watch(p *Peer) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watched = p
	return !a.dead, a.reason
}

func (a *actor) Unwatch(*Peer) {}

func (a *actor) End(reason error) {
	a.mu.Lock()
	p := a.watched
	a.dead, a.reason = true, reason
	a.mu.Unlock()
	if p != nil {
		p.Ended(a, reason)
	}
	a.world.note("%s ended: %v", a.label, reason)
}

// pair returns two nodes that know each other, and a function that waits until all that
// was sent from a to b was handled.
func pair(t testing.TB) (a, b *Peer, flush func()) {
	t.Helper()
	near, far := sockets(t)
	a, b = New(new(world)), New(new(world))
	var wg sync.WaitGroup
	for p, c := range map[*Peer]*net.UnixConn{a: near, b: far} {
		l := wire.NewLink(c)
		p.Attach(l)
		wg.Go(func() { _ = p.Serve() })
		t.Cleanup(func() { l.Close() })
	}
	t.Cleanup(func() {
		a.link.Load().Close()
		b.link.Load().Close()
		wg.Wait()
	})
	return a, b, func() {
		if _, err := a.Find("flush"); err != nil {
			t.Fatal(err)
		}
	}
}

func send(p *Peer, to uint64, from Process, text string) {
	e := p.Message(to, from, false)
	e.Text(text)
	_ = p.PostMessage(e)
}

func (w *world) want(t *testing.T, lines ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.said, lines) {
		t.Errorf("got %q, want %q", w.said, lines)
	}
	w.said = nil
}

func TestMessagesSignalsEnds(t *testing.T) {
	a, b, flush := pair(t)
	here, there := a.node.(*world), b.node.(*world)
	alice, carol, main := here.process("alice"), here.process("carol"), there.process("main")
	b.ExportMain(main)

	send(a, Main, nil, "hello")
	send(a, Main, alice, "hello")
	a.Signal(Main, Exit, carol, io.EOF)
	alice.End(errTaken)
	flush()
	there.want(t, `main got "hello" from nobody false`, `main got "hello" from far alice false`,
		"main got signal 0 from far carol: EOF", "far alice ended: taken")

	send(a, Main, alice, "a dead one is still the same")
	send(a, 99, alice, "to nobody")
	flush()
	there.want(t, `main got "a dead one is still the same" from far alice false`)

	dead := here.process("dead")
	dead.End(io.EOF)
	a.Signal(Main, Link, dead, nil)
	flush()
	there.want(t, "far dead ended: EOF", "main got signal 2 from far dead: <nil>")
}

func TestTheSenderHearsThatAMessageWasLost(t *testing.T) {
	a, b, flush := pair(t)
	here, there := a.node.(*world), b.node.(*world)
	main := there.process("main")
	b.ExportMain(main)
	a.Bind(a.node.StandIn(a, Main, "main", 0))
	for _, from := range []Process{here.process("alice"), nil} {
		e := a.Message(Main, from, false)
		e.Bytes = append(e.Bytes, 200) // the length of a text that is not there
		_ = a.PostMessage(e)
	}
	flush()
	why := wire.ErrMalformed.Error()
	there.want(t, "report: a message from another OS process was lost: "+why, "report: a message from another OS process was lost: "+why)
	here.want(t, "far main got signal 5 from alice: the message was lost: "+why)
}

func TestForgottenDead(t *testing.T) {
	a, b, flush := pair(t)
	b.ExportMain(b.node.(*world).process("main"))
	first := a.node.(*world).process("first")
	send(a, Main, first, "x")
	first.End(nil)
	for range maxDead + 10 {
		q := a.node.(*world).process("q")
		send(a, Main, q, "x")
		q.End(nil)
	}
	flush()
	if n := size(b, &b.imports); n > maxDead {
		t.Errorf("%d imports", n)
	}
	if n := size(a, &a.exports); n > maxDead {
		t.Errorf("%d exports", n)
	}
	there := b.node.(*world)
	there.mu.Lock()
	there.said = nil
	there.mu.Unlock()
	send(a, Main, first, "again")
	flush()
	b.node.(*world).want(t, "far first ended: <nil>", `main got "again" from far first false`)
}

func size(p *Peer, t *table) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(t.living) + len(t.dead)
}

func TestNames(t *testing.T) {
	a, b, _ := pair(t)
	alice := a.node.(*world).process("alice")
	if err := a.Register("name", alice); err != nil {
		t.Fatal(err)
	}
	if err := a.Register("name", alice); !errors.Is(err, errTaken) && err.Error() != "taken" {
		t.Errorf("got %v", err)
	}
	if q, err := a.Find("name"); q != Process(alice) || err != nil {
		t.Errorf("found %v, %v", q, err)
	}
	if q, err := b.Find("name"); q != nil || err != nil {
		t.Errorf("found %v, %v", q, err)
	}
	a.Unregister("name", alice)
	if q, err := a.Find("name"); q != nil || err != nil {
		t.Errorf("found %v, %v", q, err)
	}
}

// answers is an Answer that is a channel.
type answers chan string

func (c answers) Answered(body *wire.Decoder, failure error) {
	if failure != nil {
		c <- failure.Error()
		return
	}
	text, _ := body.Text()
	c <- text
}

func TestCalls(t *testing.T) {
	a, b, _ := pair(t)
	c := make(answers, 1)
	n := a.AddCall(c)
	e := b.Reply(n)
	e.Text("an answer")
	if err := b.PostReply(e); err != nil {
		t.Fatal(err)
	}
	if got := <-c; got != "an answer" {
		t.Errorf("got %q", got)
	}
	if err := b.Fail(a.AddCall(c), io.EOF); err != nil {
		t.Fatal(err)
	}
	if got := <-c; got != "EOF" {
		t.Errorf("got %q", got)
	}
	a.AddCall(c)
	fail := a.Close(errTaken)
	select {
	case got := <-c:
		t.Errorf("it was failed at once: %q", got)
	default:
	}
	fail()
	if got := <-c; got != "taken" {
		t.Errorf("got %q", got)
	}
	if _, err := a.Find("x"); err != ErrGone {
		t.Errorf("got %v", err)
	}
}

func TestBeforeThereIsALink(t *testing.T) {
	p := New(new(world))
	q := p.node.(*world).process("q")
	for i := range 3 {
		send(p, Main, q, fmt.Sprint(i))
	}
	c, d := sockets(t)
	near, far := wire.NewLink(c), wire.NewLink(d)
	defer near.Close()
	defer far.Close()
	p.Attach(near)
	for _, want := range []byte{kindIntro, kindMessage, kindMessage, kindMessage} {
		if kind, _, err := far.Receive(); kind != want || err != nil {
			t.Errorf("got %d, %v", kind, err)
		}
	}
}

// FuzzHandle gives a node frames that nobody sent.
func FuzzHandle(f *testing.F) {
	for kind := byte(0); kind < 10; kind++ {
		f.Add([]byte{kind, 4, 1, 1, 0, 1, 2, 3, 4, 5})
	}
	f.Add([]byte{kindIntro, 3, 5, 7, 4, 'n', 'a', 'm', 'e', kindEnd, 2, 5, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := new(world)
		p := New(w)
		p.ExportMain(w.process("main"))
		p.Begun = func(*wire.Decoder) {}
		for len(b) > 2 {
			kind, n := b[0], min(int(b[1]), len(b)-2)
			d := &wire.Decoder{Bytes: b[2 : 2+n], Peer: p}
			b = b[2+n:]
			if kind == kindFind || kind == kindRegister {
				continue // these answer, and there is no link
			}
			if p.handle(kind, d) != nil {
				return
			}
		}
	})
}

// sockets returns two sockets that are connected.
func sockets(t testing.TB) (near, far *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	return unixConn(t, fds[0]), unixConn(t, fds[1])
}

func unixConn(t testing.TB, fd int) *net.UnixConn {
	t.Helper()
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.UnixConn)
}
