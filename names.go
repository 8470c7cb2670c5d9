package troupe

import (
	"fmt"
	"strings"
	"sync"
)

// A registry maps names to living processes. A name that a supervisor is about
// to give to a successor is announced: it has no holder, and questions to it
// wait.
type registry struct {
	mu     sync.RWMutex
	byName map[string]*nameEntry
}

type nameEntry struct {
	holder   *process      // nil while the name is announced
	keeper   *process      // who announced it
	returned chan struct{} // closed when the announcement is over
}

// cleanName makes "/shop/cart" and "shop/cart" one name.
func cleanName(name string) string { return strings.TrimPrefix(name, "/") }

// Register gives the process a name by which [Named] finds it, until the process
// ends or Unregister is called. A process may have several names. The name must
// not be empty or contain "@", which introduces a node's name. It returns
// ErrNameTaken, with the holder in the text, when another process has the name.
// Only the process itself may call it.
func (s *Self[M]) Register(name string) error { return s.node.register(&s.process, name) }

// Unregister frees a name of the process; a name that it does not have is
// passed over.
func (s *Self[M]) Unregister(name string) { s.node.unregister(&s.process, name) }

func (r *registry) remove(p *process, name string) {
	name = cleanName(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byName[name]; e != nil && e.holder == p {
		delete(r.byName, name)
	}
}

// Whereis returns the process that has name now. Semantics: Erlang's whereis/1.
func (n *Node) Whereis(name string) (PID, bool) {
	if p := n.find(cleanName(name)); p != nil {
		return p.pid(), true
	}
	return PID{}, false
}

func (r *registry) find(name string) *process {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.byName[name]; e != nil {
		return e.holder
	}
	return nil
}

// coming returns a channel that closes when an announced name has found its
// holder or is given up; nil if name is not announced, or by the asker itself. If
// the name has a holder by now, it says so.
func (r *registry) coming(name string, asker *process) (back <-chan struct{}, held bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.byName[name]; e != nil && (asker == nil || e.keeper != asker) {
		return e.returned, e.holder != nil
	}
	return nil, false
}

func (r *registry) add(p *process, name string) error {
	name = cleanName(name)
	if name == "" || strings.Contains(name, "@") {
		return fmt.Errorf("troupe: %q cannot be a name: give one that is not empty and has no @", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.byName[name]
	if old != nil && old.holder != nil && !old.holder.fenced() {
		if old.holder == p {
			return nil
		}
		return fmt.Errorf("%w: %v has the name %q", ErrNameTaken, old.holder.pid(), name)
	}
	p.mu.Lock()
	if p.fenced() {
		p.mu.Unlock()
		return ErrKilled
	}
	t := p.tie()
	t.names = append(t.names, name)
	p.mu.Unlock()
	if r.byName == nil {
		r.byName = make(map[string]*nameEntry)
	}
	r.byName[name] = &nameEntry{holder: p}
	if old != nil {
		old.over()
	}
	return nil
}

func (e *nameEntry) over() {
	if e.returned != nil {
		close(e.returned)
	}
}

// free frees the names of p, which has died, or announces them when p's spawner
// said that a successor will come. Announcements that p made itself end.
func (r *registry) free(p *process, e *estate) {
	t := e.ties
	if t == nil || len(t.names) == 0 && !t.keeps {
		return
	}
	keep := t.returns != nil && t.returns(e.reason)
	if t.keeps {
		defer r.giveUpAll(p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range t.names {
		if n := r.byName[name]; n == nil || n.holder != p {
			continue
		}
		delete(r.byName, name)
		if keeper := p.ext.keeper; keep && !keeper.fenced() {
			r.byName[name] = &nameEntry{keeper: keeper, returned: make(chan struct{})}
		}
	}
}

// ReleaseName ends the wait of those who ask a name that was announced because
// of [KeepName]: no successor will come. Only the process that spawned with
// KeepName may call it, for the full path of the child that had the name.
func (s *Self[M]) ReleaseName(name string) {
	r := &s.node.names
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp(&s.process, cleanName(name))
}

// giveUp ends an announcement, if it is one of keeper's. The lock is held.
func (r *registry) giveUp(keeper *process, name string) {
	if e := r.byName[name]; e != nil && e.holder == nil && e.keeper == keeper {
		delete(r.byName, name)
		e.over()
	}
}

// giveUpAll ends the announcements of keeper, which has died.
func (r *registry) giveUpAll(keeper *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.byName {
		r.giveUp(keeper, name)
	}
}
