package troupe

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// A Zombie is a process that has ended for all others while its goroutine is
// still in its body: it did not return within its grace. It is fenced: what it
// sends is discarded, and it can own no name.
type Zombie struct {
	PID   PID
	Since time.Time // when its grace was over
	Stack string    // where it hangs; empty if it has just returned
}

// A graveyard counts the zombies of a node. Nothing of it is done under a
// process's lock but adding and removing.
type graveyard struct {
	mu    sync.Mutex
	since map[*process]time.Time
	total uint64
	node  *Node
}

// Zombies returns the processes that are zombies now. It stops the program for
// the moment that reading all stacks takes.
func (n *Node) Zombies() []Zombie {
	g := &n.zombies
	g.mu.Lock()
	list := make([]Zombie, 0, len(g.since))
	for p, t := range g.since {
		list = append(list, Zombie{PID: p.pid(), Since: t})
	}
	g.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	stacks := allStacks()
	for i := range list {
		list[i].Stack = stacks.of(list[i].PID.proc)
	}
	return list
}

func (g *graveyard) add(p *process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.since == nil {
		g.since = make(map[*process]time.Time)
	}
	g.since[p] = time.Now()
	g.total++
	if p.flags&isHandler != 0 {
		g.node.pool.bury(1)
	}
}

func (g *graveyard) remove(p *process) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.since, p)
	if p.flags&isHandler != 0 {
		g.node.pool.bury(-1)
	}
}

// report logs a new zombie with its stack.
func (g *graveyard) report(p *process) {
	g.node.log.Error("troupe: process does not end and is a zombie now",
		"process", p.pid().String(), "reason", p.why(), "stack", allStacks().of(p))
}

// stacks are those of all goroutines, as text.
type stacks [][]byte

// maxStacks bounds the text that is read to find a zombie's stack.
const maxStacks = 64 << 20

func allStacks() stacks {
	for size := 1 << 16; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= maxStacks {
			return bytes.Split(buf[:n], []byte("\n\n"))
		}
	}
}

// of finds the goroutine inside p: the one that has live or step on its stack,
// called for p.
func (s stacks) of(p *process) string {
	direct, handler := fmt.Appendf(nil, "troupe.live(%p", p), fmt.Appendf(nil, "troupe.step(%p", p)
	for _, stack := range s {
		if bytes.Contains(stack, direct) || bytes.Contains(stack, handler) {
			return string(stack)
		}
	}
	return ""
}
