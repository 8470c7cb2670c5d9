package troupe

import (
	"context"
	"fmt"
	"reflect"
	"sync"
)

// A Box keeps the mail of a process outside of it, so that it outlives the
// process, and with most boxes the program. Package mailbox makes them; see
// [Mailbox].
type Box[M any] interface {
	// Put keeps a message and returns when it is as safe as the box makes it.
	// urgent asks for it to go before others. Any goroutine may call it.
	Put(ctx context.Context, body M, urgent bool) error

	// Serve calls deliver for each message, in order, and returns when ctx has
	// ended and what was settled is safe. What was delivered and not settled
	// is then delivered again by the next Serve. While one Serve runs, another
	// waits for its end. An error before ctx has ended ends the process.
	Serve(ctx context.Context, deliver func(Kept[M])) error
}

// A Kept message comes out of a [Box].
type Kept[M any] struct {
	Body        M
	Redelivered bool // somebody may have handled it before
	Urgent      bool // it goes before others that have not been received yet; see [AcceptUrgent]
	// Settle says what became of the message: nil, it was handled; an error, why
	// not. It is called at most once, by any goroutine, and must not block.
	Settle func(reason error)
}

// Mailbox lets the process's mail wait in box instead of in the process. A send
// returns when the message is in the box, which may mean a disk or a network,
// and its error is that of [Box.Put]. A message counts as handled when the
// handler has returned nil for it, or when a body in direct style asks for the
// next one or returns nil. If the process ends before that, for whatever reason,
// the next process with the box gets it again, with Redelivered set, and then
// what came behind it.
//
// What cannot wait is not kept: questions, the mail of which dies with the
// process, and signals, which go before mail that is in the box. Kept messages
// have no sender in From. [Bounded] counts questions alone; the box has limits of
// its own. Spawn panics if box is not for the process's message type.
func Mailbox[M any](box Box[M]) SpawnOption { return func(c *spawnConfig) { c.kept = box } }

// A shelf is what a process has whose mail is kept: which message it handles.
type shelf struct {
	mu     sync.Mutex
	now    func(error) // settles what is handled at the moment
	over   bool        // the process has died; nothing more is settled
	cancel context.CancelFunc
}

// begin is called with each kept message that the body is about to see. What it
// saw before has been handled.
func (k *shelf) begin(p *parcel) {
	k.mu.Lock()
	was, over := k.now, k.over
	if !over {
		k.now = p.settle
	}
	k.mu.Unlock()
	if was != nil {
		was(nil)
	}
}

// done tells that the message at hand, if there is one, has been handled, or why
// not.
func (k *shelf) done(reason error) {
	k.mu.Lock()
	was := k.now
	k.now = nil
	k.mu.Unlock()
	if was != nil {
		if IsNormal(reason) {
			reason = nil
		}
		was(reason)
	}
}

// close ends the service of the box.
func (k *shelf) close(reason error) {
	k.mu.Lock()
	k.over = true
	k.mu.Unlock()
	k.done(reason)
	if k.cancel != nil {
		k.cancel()
	}
}

// A parcel is what the signal of a kept message carries.
type parcel struct {
	settle      func(error)
	redelivered bool
}

// kept is the typed side of a shelf.
type kept[M any] struct {
	shelf
	box  Box[M]
	self *Self[M]

	late     sync.Mutex  // guards what follows
	waiting  []lateOf[M] // from senders that must not wait, on their way into the box
	carrying bool        // a goroutine takes them there
}

type lateOf[M any] struct {
	from   *process
	body   M
	urgent bool
}

// hold makes the node wait for one more goroutine, which calls departed when it
// ends; false if the process has died. set is called while that is certain.
func (k *kept[M]) hold(set func()) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		set()
		k.self.node.live.Add(1)
	}
	return !k.over
}

// keep makes s a process whose mail is in box. s is not known to anybody yet.
func (s *Self[M]) keep(box any) {
	b, ok := box.(Box[M])
	if !ok {
		panic(fmt.Sprintf("troupe: Mailbox was given a %T, which is no box for messages of type %v", box, reflect.TypeFor[M]()))
	}
	k := &kept[M]{box: b, self: s}
	x := s.more()
	x.shelf, x.keeps = &k.shelf, k
	s.flags |= hasBox
	s.odd = true
}

// serve hands out the mail of the box until the process ends. Run waits for it.
func (k *kept[M]) serve() {
	n := k.self.node
	ctx, cancel := context.WithCancel(n.base)
	if !k.hold(func() { k.cancel = cancel }) {
		cancel()
		return
	}
	go func() {
		defer n.departed()
		defer cancel()
		if err := k.box.Serve(ctx, k.deliver); err != nil && ctx.Err() == nil {
			k.self.tell(k.self.pid(), fmt.Errorf("troupe: the mailbox of %v: %w", k.self.pid(), err), true)
		}
	}()
}

// deliver puts a message of the box into the mailbox in memory.
func (k *kept[M]) deliver(m Kept[M]) {
	s := k.self
	s.mu.Lock()
	if s.state.Load() != running {
		s.mu.Unlock() // nobody settles it: it goes back
		return
	}
	box := &s.box
	if m.Urgent && s.flags&takesUrgent != 0 {
		box = s.firstQueue()
	}
	e := box.push()
	e.sig, e.body = &signal{parcel: &parcel{m.Settle, m.Redelivered}}, m.Body
	was := s.idle
	s.idle = busy
	s.mu.Unlock()
	s.rouse(was, nil)
}

// put is the way of a body into the box. ctx is nil if the sender must not wait.
func (k *kept[M]) put(ctx context.Context, from *process, body M, urgent bool) error {
	if ctx == nil {
		k.putLater(from, body, urgent)
		return nil
	}
	if from != nil && from.state.Load() == ending {
		ctx = context.WithoutCancel(ctx) // its last words; its grace limits them
	}
	w := from.enterBlocking()
	defer w.leaveBlocking()
	return k.box.Put(ctx, body, urgent)
}

// putLater is for bodies that came from another OS process.
func (k *kept[M]) putLater(from *process, body M, urgent bool) {
	k.late.Lock()
	if !k.carrying && !k.hold(func() { k.carrying = true; go k.carry() }) {
		k.late.Unlock()
		k.lose(from, body, ErrNoProc)
		return
	}
	k.waiting = append(k.waiting, lateOf[M]{from, body, urgent})
	k.late.Unlock()
}

// lose makes a dead letter of a body whose sender hears of nothing.
func (k *kept[M]) lose(from *process, body M, why error) {
	k.self.node.letters.addOne(letter{from: from, to: &k.self.process, body: body, why: why})
}

func (k *kept[M]) carry() {
	n := k.self.node
	defer n.departed()
	for {
		k.late.Lock()
		if len(k.waiting) == 0 {
			k.carrying = false
			k.late.Unlock()
			return
		}
		m := k.waiting[0]
		k.waiting = k.waiting[1:]
		k.late.Unlock()
		if err := k.box.Put(n.base, m.body, m.urgent); err != nil {
			k.lose(m.from, m.body, err)
		}
	}
}

// handled tells that the body is through with the kept message at hand, or why it
// is not.
func (p *process) handled(reason error) {
	if p.flags&hasBox != 0 {
		p.ext.shelf.done(reason)
	}
}
