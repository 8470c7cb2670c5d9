package troupe

import (
	"cmp"
	"os"
	"slices"
)

// Info is what can be seen of a process from outside, at one instant.
type Info struct {
	PID       PID
	Path      string   // its place in the tree
	Parent    PID      // zero for the root
	Names     []string // what it is registered as
	Handler   bool     // it holds no goroutine while idle
	Ending    bool     // it was told to end and has not ended
	Waiting   int      // messages in its mailbox, those it has taken to work on not counted
	Dropped   uint64   // messages that its full mailbox has dropped
	Links     []PID
	Monitors  []PID // whom it monitors
	OSProcess int   // the system's id of the OS process that it runs in
}

// Processes returns what can be seen of all living processes, parents before
// their children. It locks each process for a moment, one after the other.
func (n *Node) Processes() []Info {
	all := n.all()
	infos := make([]Info, len(all))
	for i, p := range all {
		infos[i] = p.info()
	}
	return infos
}

// Len returns the number of living processes.
func (n *Node) Len() int { return int(n.live.Load()) }

func (p *process) info() Info {
	i := Info{PID: p.pid(), Path: p.node.path(p), Handler: p.flags&isHandler != 0, OSProcess: os.Getpid()}
	p.node.tree.Lock()
	i.Parent = PID{proc: p.parent}
	p.node.tree.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	i.Ending = p.state.Load() == ending
	_, i.Waiting = p.impl.look()
	x := p.ext
	if x == nil {
		return i
	}
	if x.away != nil {
		i.OSProcess = cmp.Or(x.away.peer.OS(), i.OSProcess)
	}
	t := p.tied()
	i.Names = slices.Clone(t.names)
	if x.bound != nil {
		i.Dropped = x.bound.dropped
	}
	for q := range t.links {
		i.Links = append(i.Links, q.pid())
	}
	for m := range t.monitors {
		if m.target != nil {
			i.Monitors = append(i.Monitors, m.target.pid())
		}
	}
	slices.SortFunc(i.Links, byNumber)
	slices.SortFunc(i.Monitors, byNumber)
	return i
}

// byNumber orders the PIDs of processes by age.
func byNumber(a, b PID) int { return cmp.Compare(a.proc.id, b.proc.id) }
