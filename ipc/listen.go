package ipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// ConnConfig says how connections are made by [Listen], [NewListener], [Dial] and the managers
// behind them. The zero ConnConfig is for unix sockets between processes of one user.
type ConnConfig struct {
	// Key is what both sides must have, at least 16 bytes that nobody can guess; see [NewKey].
	// It is never sent. What is sent over the connection afterwards is neither encrypted nor
	// signed: over a network that others can listen to, use TLS below, with [NewListener] and
	// [ConnConfig.Connect].
	Key []byte

	// MaxMessage is the largest message in bytes; 0 means [DefaultMaxMessage].
	MaxMessage int

	// Patience is how long the handshake may take; 0 means 5 s.
	Patience time.Duration

	// Rejected, if not nil, is told of connections to a listener that came to nothing, and
	// why: [ErrAuth], silence, another protocol. It may be called by several goroutines, and
	// must not close the listener.
	Rejected func(from net.Addr, why error)

	// Connect, if not nil, makes the connections of [Dial], in place of a [net.Dialer].
	Connect func(ctx context.Context, network, address string) (net.Conn, error)
}

func (cfg *ConnConfig) patience() time.Duration {
	if cfg.Patience > 0 {
		return cfg.Patience
	}
	return 5 * time.Second
}

// check says what is wrong with the configuration for a network.
func (cfg *ConnConfig) check(network string) error {
	switch {
	case len(cfg.Key) > 0 && len(cfg.Key) < minKey:
		return fmt.Errorf("ipc: a key of %d bytes can be guessed: use at least %d, such as those of NewKey", len(cfg.Key), minKey)
	case len(cfg.Key) == 0 && network != "unix":
		return fmt.Errorf("ipc: connections over %s need a key: set ConnConfig.Key on both sides", network)
	case cfg.MaxMessage < 0 || cfg.MaxMessage > maxBody:
		return fmt.Errorf("ipc: ConnConfig.MaxMessage is %d: want between 0 and %d", cfg.MaxMessage, maxBody)
	}
	return nil
}

// Dial connects to a [Listener]. The network is "unix", with a path or, on Linux, a name that
// begins with @; or "tcp", with host and port. The listener's process and this one prove to
// each other that they have the same key.
//
// A listener in a program that is not the same executable is fine: values travel in CBOR then,
// see [Send].
//
// It returns [ErrAuth]; an error that says so if the other side is not a Listener or speaks
// another version; errors of the network; and the context's cause if ctx ends first.
func Dial(ctx context.Context, network, address string, cfg ConnConfig) (*Conn, error) {
	if err := cfg.check(network); err != nil {
		return nil, err
	}
	connect := cfg.Connect
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	nc, err := connect(ctx, network, address)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("ipc: %w", err)
	}
	return cfg.introduce(ctx, nc, partyClient)
}

// introduce makes a Conn of nc, if the handshake succeeds.
func (cfg *ConnConfig) introduce(ctx context.Context, nc net.Conn, who party) (*Conn, error) {
	if err := cfg.checkUser(nc); err != nil {
		nc.Close()
		return nil, err
	}
	native, err := handshake(ctx, nc, who, cfg)
	if err != nil {
		return nil, err
	}
	c := newConn(newStream(nc), native)
	if cfg.MaxMessage > 0 {
		c.SetMaxMessage(cfg.MaxMessage)
	}
	return c, nil
}

func (cfg *ConnConfig) checkUser(nc net.Conn) error {
	if u, ok := nc.(*net.UnixConn); ok && len(cfg.Key) == 0 {
		return checkUser(u)
	}
	return nil
}

// A Listener waits for connections. Handshakes go on in the background, many at a time, so
// that a stranger who connects and is silent keeps nobody waiting. Any number of goroutines
// may use a Listener at the same time.
type Listener struct {
	l      net.Listener
	cfg    ConnConfig
	remove func() // removes the socket's file
	stop   context.CancelFunc
	ctx    context.Context // ends with the listener
	all    sync.WaitGroup

	mu        sync.Mutex
	strangers []net.Conn // whose handshake goes on, oldest first
	ready     []*Conn
	change    chan struct{} // closed when ready or err changes
	err       error
}

// maxStrangers is how many handshakes go on at the same time. When there are more, the oldest
// is given up.
const maxStrangers = 128

// Listen waits for connections made by [Dial]. The network is "unix" or "tcp".
//
// A unix socket is only accessible to its user; Close removes its file, and Listen one that a
// dead listener left. On Linux a name that begins with @ is no file but an abstract name, which
// every user of the machine sees; those of other users are turned away, unless there is a key.
// Over TCP a key is needed.
func Listen(network, address string, cfg ConnConfig) (*Listener, error) {
	if err := cfg.check(network); err != nil {
		return nil, err
	}
	if network == "unix" {
		l, remove, err := listenUnix(address)
		if err != nil {
			return nil, fmt.Errorf("ipc: %w", err)
		}
		return newListener(l, cfg, remove), nil
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("ipc: %w", err)
	}
	return newListener(l, cfg, func() {}), nil
}

// NewListener is [Listen] over a listener that exists already, such as one of TLS. It belongs
// to the Listener from now on.
func NewListener(l net.Listener, cfg ConnConfig) (*Listener, error) {
	if err := cfg.check(l.Addr().Network()); err != nil {
		return nil, err
	}
	return newListener(l, cfg, func() {}), nil
}

func newListener(nl net.Listener, cfg ConnConfig, remove func()) *Listener {
	l := &Listener{l: nl, cfg: cfg, remove: remove, change: make(chan struct{})}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.all.Go(l.serve)
	return l
}

// Accept returns the next connection whose handshake has succeeded. It returns [ErrClosed]
// after Close, and the context's cause if ctx ends first.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l.mu.Lock()
		if len(l.ready) > 0 {
			c := l.ready[0]
			l.ready = slices.Delete(l.ready, 0, 1)
			l.mu.Unlock()
			return c, nil
		}
		err, change := l.err, l.change
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
}

// Poll waits until Accept would not wait; see [Waitable].
func (l *Listener) Poll(ctx context.Context) error {
	for {
		l.mu.Lock()
		ready, change := len(l.ready) > 0 || l.err != nil, l.change
		l.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Addr is the address at which the listener can be reached.
func (l *Listener) Addr() net.Addr { return l.l.Addr() }

// Close ends the listener, and the connections that nobody has accepted. It returns when
// nothing of it is left. Further calls do nothing.
func (l *Listener) Close() error {
	l.mu.Lock()
	if errors.Is(l.err, ErrClosed) {
		l.mu.Unlock()
		l.all.Wait()
		return nil
	}
	l.fail(ErrClosed)
	ready := l.ready
	l.ready = nil
	l.mu.Unlock()
	l.remove()
	err := l.l.Close()
	l.stop()
	for _, c := range ready {
		c.Close()
	}
	l.all.Wait()
	return err
}

// fail tells everybody that there will be no more connections. The lock is held.
func (l *Listener) fail(err error) {
	l.err = err
	l.changed()
}

func (l *Listener) changed() {
	close(l.change)
	l.change = make(chan struct{})
}

// serve takes connections until the listener is closed.
func (l *Listener) serve() {
	pause := time.Duration(0)
	for {
		nc, err := l.l.Accept()
		var passing interface{ Temporary() bool } // such as too many open files
		switch {
		case err == nil:
			pause = 0
			l.meet(nc)
		case l.ctx.Err() == nil && errors.As(err, &passing) && passing.Temporary():
			l.reject(nil, err)
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-l.ctx.Done():
			}
		default:
			l.mu.Lock()
			if l.err == nil {
				l.fail(fmt.Errorf("ipc: the listener failed: %w", err))
			}
			l.mu.Unlock()
			return
		}
	}
}

// meet begins a handshake.
func (l *Listener) meet(nc net.Conn) {
	l.mu.Lock()
	l.strangers = append(l.strangers, nc)
	if len(l.strangers) > maxStrangers {
		l.strangers[0].Close()
		l.strangers = slices.Delete(l.strangers, 0, 1)
	}
	l.mu.Unlock()
	l.all.Go(func() {
		c, err := l.cfg.introduce(l.ctx, nc, partyServer)
		l.met(nc, c)
		if err != nil {
			l.reject(nc.RemoteAddr(), err)
		}
	})
}

// met ends a handshake. c is nil if it failed.
func (l *Listener) met(nc net.Conn, c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.strangers, nc); i >= 0 {
		l.strangers = slices.Delete(l.strangers, i, i+1)
	}
	switch {
	case c == nil:
	case l.err != nil:
		c.Close()
	default:
		l.ready = append(l.ready, c)
		l.changed()
	}
}

func (l *Listener) reject(from net.Addr, why error) {
	if l.cfg.Rejected != nil && l.ctx.Err() == nil {
		l.cfg.Rejected(from, why)
	}
}
