package ipc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/troupe-go/troupe/internal/wire"
)

// ErrNotFound is returned for what a [Manager] does not have: a name, or an element of a [List].
var ErrNotFound = errors.New("ipc: not found")

// Manager keeps things for OS processes that do not share memory: on another machine, in
// another container, or without a common parent. Its locks and queues are the same types as
// those in shared memory; besides there are variables, lists, maps ([OpenVariable], [OpenList],
// [OpenMap]) and objects of the program's own types ([RegisterClass]). It is Python's
// multiprocessing.Manager, in the process that makes it instead of one of its own.
//
// Make one with [NewManager] and let others in with [Manager.Serve]; they reach it with
// [DialManager]. Or give it to a child as an argument: a Manager travels, and so does everything
// in it, by unix sockets from process to process, and by TCP to processes that have dialled the
// same manager.
//
// What has a name exists until [Manager.Remove], or until the manager is closed. What has none
// exists as long as some process has a handle of it. A process that dies, or loses its
// connection, has let go of everything: locks and permits that it held are given to the next,
// with [ErrOwnerDied], and so are tasks that it had taken.
//
// All methods may be called by any number of goroutines. They return [ErrClosed] when the
// manager was closed here, and an error that says so when its process is gone. When a context
// ends, what takes or changes something asks the manager what became of it; a manager that says
// nothing for ten seconds, because it is stopped or the network is cut, is taken to be gone. What
// only looks or waits ends at once. That a whole machine at the other end is gone, with nobody
// left to say so, TCP finds out after two or three minutes.
type Manager struct {
	r *remote
	b *broker // nil if the manager is in another process
}

// NewManager makes a manager in this process. Nothing runs until somebody uses it.
func NewManager() *Manager {
	b, l := newLocal()
	r, err := open(l.retain(), rootNumber)
	if err != nil {
		panic(err) // a broker that was just made has its root
	}
	l.drop() // the handle has it
	return &Manager{r: r, b: b}
}

// DialManager connects to a manager that serves a [Listener] at the address; see [Dial] for
// networks, keys and errors. Connections of one process to one manager become one.
//
// It returns an error that says so if the listener's program does not serve a manager there.
func DialManager(ctx context.Context, network, address string, cfg ConnConfig) (*Manager, error) {
	dial := func(ctx context.Context) (*Conn, error) { return Dial(ctx, network, address, cfg) }
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	id, number, board, err := readWelcome(ctx, conn, cfg.patience())
	if err != nil {
		conn.Close()
		return nil, err
	}
	l, used, err := join(id, func() (transport, error) {
		c := newClient(conn, id)
		c.number, c.dial = number, dial
		c.board.Store(board)
		close(c.ready)
		return c, nil
	})
	if !used {
		conn.Close()
		board.close()
	}
	if err != nil {
		return nil, err
	}
	return openManager(open(l, rootNumber))
}

func openManager(r *remote, err error) (*Manager, error) {
	if err != nil {
		return nil, err
	}
	return &Manager{r: r}, nil
}

// readWelcome reads who the manager at the other end is, and what it calls us.
func readWelcome(ctx context.Context, conn *Conn, within time.Duration) (id [16]byte, number uint64, b *board, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errNoManager)
	defer cancel()
	m, err := conn.take(ctx)
	if err != nil {
		return id, 0, nil, fmt.Errorf("ipc: connect to the manager: %w", err)
	}
	defer conn.giveBack()
	if m.kind != kindWelcome || len(m.body) == 0 {
		return id, 0, nil, errNoManager
	}
	number = m.tag
	id, b, err = introduction(m)
	conn.rx.drop()
	return id, number, b, err
}

var errNoManager = errors.New("ipc: there is a listener at this address, but no manager behind it: use Dial, or serve the manager there")

// Serve lets processes in that connect to l with [DialManager], until ctx ends or l is closed;
// it closes l and returns nil. The connections that it has let in stay. It returns an error if
// the listener fails, or if the manager is in another process.
func (m *Manager) Serve(ctx context.Context, l *Listener) error {
	defer l.Close()
	if m.b == nil {
		return errors.New("ipc: Serve: this manager is in another process, which must serve it")
	}
	for {
		conn, err := l.Accept(ctx)
		switch {
		case errors.Is(err, ErrClosed) || err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if _, err := m.b.newSession(conn); err != nil {
			conn.Close()
			return err
		}
	}
}

// Close lets go of the manager. In the process that made it, it ends the manager: everything it
// keeps is gone, and other processes get errors. What was opened through it elsewhere stays
// usable after Close there. Further calls do nothing.
func (m *Manager) Close() error {
	if m.r == nil {
		return nil
	}
	if m.b != nil {
		m.b.close()
	}
	return m.r.detach()
}

// Names returns what the manager has names for, in order.
func (m *Manager) Names(ctx context.Context) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	d, err := m.r.ask(ctx, opAll, nil)
	if err != nil {
		return nil, err
	}
	n, err := d.Uint()
	var names []string
	for range n {
		name, err := d.Text()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, err
}

// Remove makes the manager forget a name. What had it stays with those who have it open, and is
// gone with the last of them. It returns [ErrNotFound] if nothing has the name.
func (m *Manager) Remove(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var args wire.Encoder
	args.Text(name)
	_, err := m.r.ask(ctx, opRemove, &args)
	return err
}

// EncodeWire gives another process a way to the manager; it is for the codecs of this module.
func (m *Manager) EncodeWire(e *wire.Encoder) error {
	if m.r == nil {
		return errUnmade("Manager")
	}
	return m.r.encode(e)
}

// DecodeWire makes m a way to the manager that [Manager.EncodeWire] encoded.
func (m *Manager) DecodeWire(d *wire.Decoder) error {
	r, err := remoteOf(d)
	if err == nil {
		*m = Manager{r: r}
	}
	return err
}

// remoteOf decodes a handle of what only a manager has.
func remoteOf(d *wire.Decoder) (*remote, error) {
	none := func(*wire.Decoder) (*remote, error) { return nil, wire.ErrMalformed }
	return decodeBackend(d, none, openRemote)
}
