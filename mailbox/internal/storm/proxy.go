package storm

import (
	"net"
	"sync"
	"testing"
)

// A Proxy stands between programs and their server, and can fail.
type Proxy struct {
	Addr string

	to       string
	listener net.Listener
	doing    sync.WaitGroup

	mu     sync.Mutex
	cut    bool
	silent chan struct{} // closed when it speaks again
	conns  map[net.Conn]struct{}
}

// NewProxy returns a proxy of the server at an address, which ends with the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	speaks := make(chan struct{})
	close(speaks)
	p := &Proxy{Addr: l.Addr().String(), to: to, listener: l, silent: speaks, conns: map[net.Conn]struct{}{}}
	p.doing.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Speak()
		p.Cut()
		p.doing.Wait()
	})
	return p
}

func (p *Proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil || !p.keep(in, out) {
			in.Close()
			if out != nil {
				out.Close()
			}
			continue
		}
		p.doing.Go(func() { p.carry(in, out) })
		p.doing.Go(func() { p.carry(out, in) })
	}
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

func (p *Proxy) carry(from, to net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		<-silent
		if _, werr := to.Write(b[:n]); werr != nil || err != nil {
			p.mu.Lock()
			delete(p.conns, from)
			p.mu.Unlock()
			return
		}
	}
}

// Cut closes all connections, and from then on new ones at once.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Mend lets connections through again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Hush holds back everything, without closing a connection.
func (p *Proxy) Hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = make(chan struct{})
}

// Speak lets go on what Hush has held back.
func (p *Proxy) Speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.silent:
	default:
		close(p.silent)
	}
}
