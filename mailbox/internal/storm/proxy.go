package storm

import (
	"net"
	"sync"
	"testing"
)

// A proxy stands between programs and their server, and can fail.
type proxy struct {
	addr string

	to       string
	listener net.Listener
	doing    sync.WaitGroup

	mu     sync.Mutex
	down   bool
	silent chan struct{} // closed when it speaks again
	conns  map[net.Conn]struct{}
}

// newProxy returns a proxy of the server at an address, which ends with the test.
func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	speaks := make(chan struct{})
	close(speaks)
	p := &proxy{addr: l.Addr().String(), to: to, listener: l, silent: speaks, conns: map[net.Conn]struct{}{}}
	p.doing.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.speak()
		p.cut()
		p.doing.Wait()
	})
	return p
}

func (p *proxy) accept() {
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

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

func (p *proxy) carry(from, to net.Conn) {
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

// cut closes all connections, and from then on new ones at once.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// mend lets connections through again.
func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// hush holds back everything, without closing a connection.
func (p *proxy) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = make(chan struct{})
}

// speak lets go on what hush has held back.
func (p *proxy) speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.silent:
	default:
		close(p.silent)
	}
}
