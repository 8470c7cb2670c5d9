package troupe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/far"
)

// A Node is one running Troupe inside one OS process; [Run] starts it. Its
// methods may be called by any goroutine, also after it has ended.
type Node struct {
	serial   uint64 // tells the nodes of one program apart
	base     context.Context
	log      *slog.Logger
	ids      atomic.Uint64
	pool     pool
	names    registry
	segments sync.Map // of *sync.Pool, by message type
	letters  letterbox
	zombies  graveyard
	limits   deadlines
	outer    *far.Peer   // the node that this one was started by, if it was
	prefix   string      // the root's path there
	first    spawnConfig // of the root

	tree    sync.Mutex
	root    *process      // guarded by tree
	closing bool          // no process may start any more; guarded by tree
	live    atomic.Int64  // processes that have not ended
	empty   chan struct{} // closed when closing and live has come to 0
	emptied sync.Once
}

// Context returns a context derived from ctx that belongs to the node: with it,
// code outside every process can send to names and ask.
func (n *Node) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, nodeKey{}, n)
}

// Logger returns where the node reports what nobody else hears of.
func (n *Node) Logger() *slog.Logger { return n.log }

// join puts p into the tree. It reports false when the node is ending or the
// parent has ended; p is then in the tree no less, to be ended by the caller.
func (n *Node) join(p, parent *process) bool {
	n.live.Add(1)
	n.tree.Lock()
	defer n.tree.Unlock()
	ok := !n.closing
	if parent.fenced() {
		ok, parent = false, n.root
	}
	if n.root == nil {
		n.root = p
		return ok
	}
	n.adopt(p, parent)
	return ok
}

// adopt makes p a child of parent. The tree's lock is held.
func (n *Node) adopt(p, parent *process) {
	p.parent, p.prev, p.next = parent, nil, parent.child
	if p.next != nil {
		p.next.prev = p
	}
	parent.child = p
}

// leave takes p out of the tree; its children become the root's. When the node
// is ending, they are told now.
func (n *Node) leave(p *process) {
	if orphans := n.takeOut(p); orphans != nil {
		shutDown(orphans)
	}
}

func (n *Node) takeOut(p *process) (orphans []*process) {
	n.tree.Lock()
	defer n.tree.Unlock()
	for p != n.root && p.child != nil {
		c := p.child
		p.child = c.next
		n.adopt(c, n.root)
		if n.closing {
			orphans = append(orphans, c)
		}
	}
	if p.prev != nil {
		p.prev.next = p.next
	} else if p.parent != nil && p.parent.child == p {
		p.parent.child = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
	return orphans
}

// shutDown tells processes to end because their node does.
func shutDown(list []*process) {
	for _, p := range list {
		p.tell(PID{}, ErrShutdown, false)
		p.expire()
	}
}

// departed counts a process out, once everything about its end has been told and
// its body was left, or it was declared a zombie.
func (n *Node) departed() {
	if n.live.Add(-1) == 0 {
		n.checkEmpty()
	}
}

// checkEmpty ends the wait of Run when no process is left.
func (n *Node) checkEmpty() {
	n.tree.Lock()
	over := n.closing && n.live.Load() == 0
	n.tree.Unlock()
	if over {
		n.emptied.Do(func() { close(n.empty) })
	}
}

// path returns p's place in the tree.
func (n *Node) path(p *process) string {
	n.tree.Lock()
	var line []*process
	for ; p != nil && p != n.root; p = p.parent {
		line = append(line, p)
	}
	n.tree.Unlock()
	if len(line) == 0 {
		return cmp.Or(n.prefix, "/")
	}
	var b strings.Builder
	if n.prefix != "/" {
		b.WriteString(n.prefix)
	}
	for i := len(line) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(line[i].segment())
	}
	return b.String()
}

// all returns the living processes, parents before their children.
func (n *Node) all() []*process {
	n.tree.Lock()
	defer n.tree.Unlock()
	if n.root == nil {
		return nil
	}
	list := make([]*process, 1, n.live.Load()+1)
	list[0] = n.root
	for i := 0; i < len(list); i++ {
		for c := range list[i].eachChild() {
			list = append(list, c)
		}
	}
	if n.root.fenced() {
		list = list[1:]
	}
	return list
}

// unheard reports an abnormal end that no link, monitor or question heard of.
// The root's end is what Run returns.
func (n *Node) unheard(p *process, reason error) {
	if IsNormal(reason) || errors.Is(reason, ErrShutdown) || errors.Is(reason, ErrKilled) || p == n.root || p.flags&isStandIn != 0 {
		return
	}
	attrs := []any{"process", p.pid().String(), "reason", reason}
	if e := (*PanicError)(nil); errors.As(reason, &e) {
		attrs = append(attrs, "stack", string(e.Stack))
	}
	n.log.Error("troupe: process ended and nobody was told", attrs...)
}

// unexpected reports a panic of a process that had been told to end: its reason
// stood already.
func (n *Node) unexpected(p *process, reason *PanicError) {
	n.log.Error("troupe: process panicked while it ended", "process", p.pid().String(),
		"reason", reason, "stack", string(reason.Stack))
}
