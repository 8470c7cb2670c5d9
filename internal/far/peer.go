package far

import (
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
)

// A Peer is the other node. Its methods may be called concurrently. Frames that are
// sent before [Peer.Attach] wait for it.
type Peer struct {
	// KillMain, if set, is called instead of sending a kill to Main: this side can
	// end the whole OS process. It must not block.
	KillMain func()
	// MainEnded, if set, is called with the reason when Main has ended, instead of
	// ending its stand-in: whoever started the node does that when it is gone.
	MainEnded func(reason error)
	// Parent is the process that spawned Main. Above, on the side that was started,
	// is its stand-in.
	Parent Process
	// Begun, on the side that was started, gets what the other side sent with
	// [Peer.Start]. It is called once, by Serve.
	Begun func(body *wire.Decoder)

	node Node
	link atomic.Pointer[wire.Link]
	over atomic.Bool
	os   atomic.Int64
	up   atomic.Pointer[Process]
	turn turn

	attaching sync.Mutex
	early     []*wire.Encoder // sealed, while there is no link

	mu      sync.RWMutex
	exports table // this side's processes that the other side knows
	imports table // the other side's processes that this side knows
	calls   map[uint64]Answer
	asked   uint64 // the last number given to a call
}

// New returns a Peer of a node, which may be nil until [Peer.SetNode].
func New(n Node) *Peer {
	return &Peer{node: n, calls: make(map[uint64]Answer), exports: newTable(), imports: newTable()}
}

// SetNode says which node the Peer belongs to, before anything else is done.
func (p *Peer) SetNode(n Node) { p.node = n }

// SetOS says which OS process the other node is; OS returns it, or 0.
func (p *Peer) SetOS(pid int) { p.os.Store(int64(pid)) }

// OS returns what SetOS said.
func (p *Peer) OS() int { return int(p.os.Load()) }

// Above returns the stand-in of the process that spawned Main, or nil.
func (p *Peer) Above() Process {
	if q := p.up.Load(); q != nil {
		return *q
	}
	return nil
}

// Bind says which process stands for the other side's Main.
func (p *Peer) Bind(q Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.imports.put(Main, q)
}

// ExportMain makes q, which must be watched already, known as Main.
func (p *Peer) ExportMain(q Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exports.put(Main, q)
}

// Attach gives the Peer the link that frames travel on, and sends what has waited.
func (p *Peer) Attach(l *wire.Link) {
	p.attaching.Lock()
	defer p.attaching.Unlock()
	l.NeverWait()
	for _, e := range p.early {
		_ = l.Post(e)
	}
	p.early = nil
	p.link.Store(l)
}

// post sends a frame, or keeps it until there is a link.
func (p *Peer) post(kind byte, e *wire.Encoder) error {
	if err := wire.Seal(kind, e); err != nil {
		wire.Drop(e)
		return err
	}
	l := p.link.Load()
	if l == nil {
		if l = p.keep(e); l == nil {
			return nil
		}
	}
	if l.Post(e) != nil {
		return ErrGone
	}
	return nil
}

func (p *Peer) keep(e *wire.Encoder) *wire.Link {
	p.attaching.Lock()
	defer p.attaching.Unlock()
	if l := p.link.Load(); l != nil {
		return l
	}
	if p.over.Load() {
		wire.Drop(e)
		return nil
	}
	p.early = append(p.early, e)
	return nil
}

// begin returns an encoder for a frame to the other side.
func (p *Peer) begin() *wire.Encoder {
	e := wire.Begin()
	e.Peer = p
	return e
}

// Close ends all stand-ins but Main, and forgets all exports. It is to be called when
// nothing more is received, with the reason why. It returns what fails the questions
// that nobody has answered; that is to be called when Main's end has been told: who hears
// of that by a question must find Main's name free.
func (p *Peer) Close(reason error) (fail func()) {
	p.attaching.Lock()
	p.over.Store(true)
	for _, e := range p.early {
		wire.Drop(e)
	}
	p.early = nil
	p.attaching.Unlock()

	p.mu.Lock()
	calls, imports, exports := p.calls, p.imports, p.exports
	p.calls, p.imports, p.exports = make(map[uint64]Answer), newTable(), newTable()
	p.mu.Unlock()
	for _, q := range exports.living {
		q.Unwatch(p)
	}
	for n, q := range imports.living {
		if n != Main {
			q.End(reason)
		}
	}
	return func() {
		for _, a := range calls {
			a.Answered(nil, reason)
		}
	}
}

// maxDead is how many dead processes each direction remembers.
const maxDead = 1024

// A table holds processes by the number that they have where they live, the dead for
// a while.
type table struct {
	living map[uint64]Process
	dead   map[uint64]Process
	order  []uint64 // of the dead, a ring
	oldest int
}

func newTable() table {
	return table{living: make(map[uint64]Process), dead: make(map[uint64]Process)}
}

func (t *table) get(n uint64) (q Process, alive, ok bool) {
	if q, ok := t.living[n]; ok {
		return q, true, true
	}
	q, ok = t.dead[n]
	return q, false, ok
}

func (t *table) put(n uint64, q Process) { t.living[n] = q }

// bury moves q to the dead, and forgets the oldest of those if they are many.
func (t *table) bury(n uint64, q Process) {
	delete(t.living, n)
	if _, known := t.dead[n]; known {
		return
	}
	t.dead[n] = q
	if len(t.order) < maxDead {
		t.order = append(t.order, n)
		return
	}
	delete(t.dead, t.order[t.oldest])
	t.order[t.oldest] = n
	t.oldest = (t.oldest + 1) % maxDead
}
