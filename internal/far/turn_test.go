//go:build linux

package far

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// A question is an Answer that is waited for with Await.
type question struct {
	p       *Peer
	settled atomic.Bool
	wake    chan struct{}
	text    string
	err     error
}

func ask(p *Peer) (*question, uint64) {
	q := &question{p: p, wake: make(chan struct{}, 1)}
	return q, p.AddCall(q)
}

func (q *question) Answered(body *wire.Decoder, failure error) {
	var text string
	if failure == nil {
		text, failure = body.Text()
	}
	q.settle(text, failure)
}

func (q *question) settle(text string, err error) {
	if !q.settled.CompareAndSwap(false, true) {
		return
	}
	q.text, q.err = text, err
	q.wake <- struct{}{}
	q.p.Woken(&q.wake)
}

// answering makes p's Main a process that answers the call whose number it gets.
func answering(p *Peer) {
	main := p.node.(*world).process("main")
	main.hook = func(text string) {
		n, _ := strconv.ParseUint(text, 10, 64)
		e := p.Reply(n)
		e.Text(text)
		_ = p.PostReply(e)
	}
	p.ExportMain(main)
}

// pingPong asks p's other side, which must be answering, until the asker has read an
// answer by himself and nobody has the turn.
func pingPong(t *testing.T, p *Peer) {
	t.Helper()
	for range 1_000_000 {
		q, n := ask(p)
		send(p, Main, nil, strconv.FormatUint(n, 10))
		p.Await(&q.wake)
		if q.err != nil || q.text != strconv.FormatUint(n, 10) {
			t.Fatalf("question %d: %q, %v", n, q.text, q.err)
		}
		p.turn.mu.Lock()
		done := p.turn.whose == loose && p.turn.used
		p.turn.mu.Unlock()
		if done {
			return
		}
	}
	t.Fatal("the asker never read for himself")
}

// hear makes a process of p's node, which p's other side can send to, and returns a
// channel with what it gets, and its number.
func hear(p *Peer) (<-chan string, uint64) {
	c := make(chan string, 1)
	q := p.node.(*world).process("q")
	q.hook = func(text string) { c <- text }
	return c, p.export(q)
}

func TestG30_TheAskerReads(t *testing.T) {
	a, b, _ := pair(t)
	answering(b)
	for range 100 {
		pingPong(t, a)
	}
}

func TestServeReadsWhenNobodyElseDoes(t *testing.T) {
	a, b, _ := pair(t)
	answering(b)
	heard, n := hear(a)
	for i := range 100 {
		pingPong(t, a)
		send(b, n, nil, strconv.Itoa(i))
		if text := <-heard; text != strconv.Itoa(i) {
			t.Fatalf("got %q, want %d", text, i)
		}
	}
}

func TestTheAskerHandsOutWhatIsForOthers(t *testing.T) {
	a, b, _ := pair(t)
	answering(b)
	heard, n := hear(a)
	for range 100 {
		pingPong(t, a)
		q, number := ask(a)
		waits := make(chan struct{})
		go func() {
			a.Await(&q.wake)
			close(waits)
		}()
		for range 3 * maxForOthers {
			send(b, n, nil, "for another")
			<-heard
		}
		send(a, Main, nil, strconv.FormatUint(number, 10))
		<-waits
		if q.err != nil {
			t.Fatal(q.err)
		}
	}
}

func TestG30_WhoeverReadsIsWoken(t *testing.T) {
	a, b, flush := pair(t)
	answering(b)
	gaveUp := errors.New("gave up")
	for i := range 300 {
		pingPong(t, a)
		q, n := ask(a)
		if i%2 == 0 { // the answer may come first
			send(a, Main, nil, strconv.FormatUint(n, 10))
		}
		go func() {
			if i%3 != 0 {
				<-time.After(rand.N(50 * time.Microsecond))
			}
			q.settle("", gaveUp)
		}()
		a.Await(&q.wake)
		if q.err != nil && q.err != gaveUp {
			t.Fatal(q.err)
		}
		a.DropCall(n)
		flush() // Serve goes on
	}
}

// TestManyAskers has the askers, and processes beside them, get their frames whoever
// reads.
func TestManyAskers(t *testing.T) {
	a, b, _ := pair(t)
	answering(b)
	heard, n := hear(a)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				q, n := ask(a)
				send(a, Main, nil, strconv.FormatUint(n, 10))
				a.Await(&q.wake)
				if q.err != nil {
					t.Error(q.err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 2000 {
			send(b, n, nil, strconv.Itoa(i))
			if text := <-heard; text != strconv.Itoa(i) {
				t.Errorf("got %q, want %d", text, i)
			}
		}
	})
	wg.Wait()
}

func TestTheOtherSideDiesWhileAnAskerReads(t *testing.T) {
	for range 50 {
		a, b, _ := pair(t)
		answering(b)
		pingPong(t, a)
		q, _ := ask(a)
		go func() {
			<-time.After(rand.N(100 * time.Microsecond))
			b.link.Load().Close()
		}()
		go func() { // as isolate does, when Serve has returned
			for served := false; !served; {
				a.turn.mu.Lock()
				served = a.turn.without
				a.turn.mu.Unlock()
			}
			a.Close(errTaken)()
		}()
		a.Await(&q.wake)
		wantError(t, q.err, errTaken)
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAFrameThatIsNoneEndsServe(t *testing.T) {
	c, d := sockets(t)
	near, far := wire.NewLink(c), wire.NewLink(d)
	defer near.Close()
	defer far.Close()
	a, b := New(new(world)), New(new(world))
	a.Attach(near)
	b.Attach(far)
	answering(b)
	ended := make(chan error, 1)
	go func() { ended <- a.Serve() }()
	go func() { _ = b.Serve() }()
	pingPong(t, a)
	q, n := ask(a)
	go a.Await(&q.wake)
	e := b.begin()
	_ = b.post(kindEnd, e)
	if err := <-ended; !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	a.DropCall(n)
	q.settle("", nil)
}

// TestWhoReadsPanics has code of others panic on the goroutine of one who waits: nobody
// must be left to wait for ever.
func TestWhoReadsPanics(t *testing.T) {
	c, d := sockets(t)
	near, far := wire.NewLink(c), wire.NewLink(d)
	defer near.Close()
	defer far.Close()
	a, b := New(new(world)), New(new(world))
	a.Attach(near)
	b.Attach(far)
	answering(b)
	ended := make(chan error, 1)
	go func() { ended <- a.Serve() }()
	go func() { _ = b.Serve() }()
	bad := a.node.(*world).process("bad")
	bad.hook = func(string) { panic("in a hook") }
	n := a.export(bad)
	pingPong(t, a)
	q, _ := ask(a)
	panicked := make(chan any, 1)
	go func() {
		defer func() { panicked <- recover() }()
		a.Await(&q.wake)
	}()
	for lending := false; !lending; { // else Serve would be the one
		a.turn.mu.Lock()
		lending = a.turn.whose == lent
		a.turn.mu.Unlock()
	}
	send(b, n, nil, "x")
	if v := <-panicked; v != "in a hook" {
		t.Errorf("got %v", v)
	}
	wantError(t, <-ended, errUnwound)
}
