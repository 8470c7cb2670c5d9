package troupe

import (
	"context"
	"runtime"
	"time"

	"github.com/troupe-go/troupe/internal/far"
)

// A SpawnOption changes how one process is spawned.
type SpawnOption func(*spawnConfig)

type spawnConfig struct {
	name          string
	link, monitor bool
	traps, urgent bool
	bound         *bound
	grace         time.Duration
	ready         func()
	returns       func(error) bool
	main          *far.Peer // the process was spawned elsewhere; see Delegated
	kept          any       // a Box[M]; see Mailbox
}

// Name gives the process a name: it stands in its path, and [Named] finds the
// process by that path. The child "cart" of the process "/shop" is
// Named("shop/cart"). If another process has the name, the new one ends at once
// with ErrNameTaken.
func Name(name string) SpawnOption { return func(c *spawnConfig) { c.name = name } }

// Linked links the process to its parent before it runs, as [SpawnLink] does.
func Linked() SpawnOption { return func(c *spawnConfig) { c.link = true } }

// Monitored lets the parent monitor the process before it runs, as
// [SpawnMonitor] does.
func Monitored() SpawnOption { return func(c *spawnConfig) { c.monitor = true } }

// TrapExits makes the process trap exits from its first instant; see
// [Self.TrapExit].
func TrapExits() SpawnOption { return func(c *spawnConfig) { c.traps = true } }

// Bounded limits the mailbox to n bodies; when says what a send to the full
// mailbox does. Signals always find room, and what is handled at the moment does
// not count. A limit below 1 is 1.
func Bounded(n int, when Overflow) SpawnOption {
	return func(c *spawnConfig) { c.bound = &bound{limit: max(n, 1), policy: when} }
}

// AcceptUrgent lets messages sent with [Ref.SendUrgent] go before ordinary mail.
func AcceptUrgent() SpawnOption { return func(c *spawnConfig) { c.urgent = true } }

// Grace sets how long the body may take to return after the process was told to
// end or was killed, before it is fenced and reported as a zombie. The default
// is 5 seconds; a negative d waits for ever.
func Grace(d time.Duration) SpawnOption {
	return func(c *spawnConfig) { c.grace = max(d, -1) + graceOffset }
}

// graceOffset tells Grace(0) from no Grace at all.
const graceOffset = 2

// OnReady calls ready, once, when the process says that it is up: a function by
// calling [Self.Ready], a handler when its Init has returned, or at once if it
// has none. ready runs in the new process or in the spawner and must not block.
func OnReady(ready func()) SpawnOption { return func(c *spawnConfig) { c.ready = ready } }

// KeepName is for supervisors: when the process ends for a reason for which
// returns reports true, its names are announced. They are free for anybody, but
// a question asked of such a name waits until a successor takes it, the spawner
// calls [Self.ReleaseName], or the spawner ends. returns must not block.
func KeepName(returns func(reason error) bool) SpawnOption {
	return func(c *spawnConfig) { c.returns = returns }
}

func configure(opts []SpawnOption) spawnConfig {
	var c spawnConfig
	for _, o := range opts {
		o(&c)
	}
	return c
}

// Spawn starts body as a process with a goroutine of its own and returns its
// address at once. ctx is the parent's [Self] or a context derived from it; Spawn
// panics for any other. The error that body returns is the reason of its end;
// nil or [Stop] is a normal end; a panic ends the process, never the program,
// with a *PanicError. Without [Linked] or [Monitored] nobody is told of the end.
// When the parent is dead or the node ends, the new process ends at once with
// ErrShutdown, without running. Semantics: Erlang's spawn/1.
func Spawn[M any](ctx context.Context, body func(*Self[M]) error, opts ...SpawnOption) Ref[M] {
	var c spawnConfig
	if len(opts) > 0 {
		c = configure(opts)
	}
	return spawn(ctx, &Self[M]{fn: body}, c)
}

// SpawnLink is [Spawn] and [Self.Link] in one: there is no instant at which the
// process can end unfelt. Semantics: Erlang's spawn_link/1.
func SpawnLink[M any](ctx context.Context, body func(*Self[M]) error, opts ...SpawnOption) Ref[M] {
	c := configure(opts)
	c.link = true
	return spawn(ctx, &Self[M]{fn: body}, c)
}

// SpawnMonitor is [Spawn] and [Self.Monitor] in one: the parent gets exactly one
// message with the event Down. Semantics: Erlang's spawn_monitor/1.
func SpawnMonitor[M any](ctx context.Context, body func(*Self[M]) error, opts ...SpawnOption) Ref[M] {
	c := configure(opts)
	c.monitor = true
	return spawn(ctx, &Self[M]{fn: body}, c)
}

// SpawnHandler starts a process that calls h for each message and holds no
// goroutine while it is idle. It is in all else as [Spawn]; see [Linked] and
// [Monitored].
func SpawnHandler[M any](ctx context.Context, h Handler[M], opts ...SpawnOption) Ref[M] {
	var c spawnConfig
	if len(opts) > 0 {
		c = configure(opts)
	}
	return spawn(ctx, &Self[M]{handler: h}, c)
}

// spawn brings s, which has its body but nothing else, to life.
func spawn[M any](ctx context.Context, s *Self[M], c spawnConfig) Ref[M] {
	parent := processOf(ctx)
	if parent == nil {
		panic("troupe: Spawn needs the context of a process: call it with self, or with a context derived from it")
	}
	bring(parent.node, parent, s, c)
	return s.Ref()
}

// bring starts s on n. Its links and monitors are in place before it can run.
func bring[M any](n *Node, parent *process, s *Self[M], c spawnConfig) {
	p := &s.process
	p.impl, p.node, p.id = s, n, n.ids.Add(1)
	if s.handler != nil {
		p.flags |= isHandler
		if _, ok := s.handler.(Initializer[M]); ok {
			p.flags |= hasInit
		}
	}
	if c.kept != nil {
		s.keep(c.kept)
	}
	c.apply(p, parent)
	if c.monitor {
		parent.watch(p, p.pid())
	}
	if c.link {
		parent.linkTo(p, p.pid())
	}
	if refusal := n.enter(p, parent, c.name); refusal != nil {
		p.die(refusal, false)
		return
	}
	p.impl.start()
	if c.kept != nil {
		s.ext.keeps.(*kept[M]).serve()
	}
}

// enter puts p into the tree and the registry.
func (n *Node) enter(p, parent *process, name string) error {
	if !n.join(p, parent) {
		return ErrShutdown
	}
	if name == "" {
		return nil
	}
	if dir := n.path(parent); dir != "/" {
		name = dir + "/" + name
	}
	return n.register(p, name)
}

// apply sets what the options ask for. p is not known to anybody yet.
func (c *spawnConfig) apply(p, parent *process) {
	if c.name != "" {
		p.more().label = c.name
	}
	if c.traps {
		p.more().traps = true
	}
	if c.grace != 0 {
		p.more().grace = c.grace - graceOffset
	}
	if c.ready != nil {
		p.more().ready = c.ready
	}
	if c.bound != nil {
		p.more().bound = c.bound
		p.odd = true
	}
	if c.urgent {
		p.flags |= takesUrgent
		p.odd = true
	}
	if c.main != nil {
		p.tie().abroad = map[*far.Peer]struct{}{c.main: {}}
		c.main.ExportMain(abroad(p))
	}
	if c.returns != nil {
		p.tie().returns, p.ext.keeper = c.returns, parent
		parent.mu.Lock()
		parent.tie().keeps = true
		parent.mu.Unlock()
	}
}

// start runs the body for the first time, or lets the pool do so.
func (s *Self[M]) start() {
	if s.handler == nil {
		s.mu.Lock()
		s.inside = !s.fenced()
		alive := s.inside
		s.mu.Unlock()
		if alive {
			go live(&s.process)
		}
		return
	}
	if s.flags&hasInit == 0 {
		if s.ext != nil {
			s.becomeReady()
		}
		s.mu.Lock()
		pending := !s.box.empty() || s.state.Load() != running || s.first != nil
		if !pending {
			s.idle = idle
		}
		s.mu.Unlock()
		if !pending {
			return
		}
	}
	s.node.pool.submit(&s.process, nil)
}

// live is the goroutine of a process in direct style. It is not inlined, and not
// generic, so that its argument tells in a stack trace which process it is.
//
//go:noinline
func live(p *process) {
	p.impl.run(nil)
	runtime.KeepAlive(p)
}

// run is the body's thread: all of it in direct style, a slice of it on a worker.
func (s *Self[M]) run(w *worker) {
	if w == nil {
		s.main()
	} else {
		s.activate(w)
	}
}

// main runs the body of a process in direct style, to its end.
func (s *Self[M]) main() {
	reason := ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			reason = s.note(newPanicError(v))
		}
		s.die(reason, true)
	}()
	if s.state.Load() != running {
		reason = nil
		return
	}
	reason = s.fn(s)
}
