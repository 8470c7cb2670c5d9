package troupe

import (
	"context"
	"errors"
	"sync"
)

// A DeadLetter is a message that nobody will handle: it lay in the mailbox of a
// process that ended, a full mailbox dropped it, or a timer found no receiver.
type DeadLetter struct {
	From   PID   // who sent it
	To     PID   // whom it was meant for
	Body   any   // what was sent
	Reason error // ErrMailboxFull if it was dropped, ErrNoProc from a timer, else why To ended
}

// letter is a dead letter on its way into the letterbox.
type letter struct {
	from, to *process
	about    PID // if to is nil
	body     any
	why      error
}

// defaultLetters is how many dead letters a node keeps.
const defaultLetters = 1024

// A letterbox keeps the last dead letters of a node and tells those who listen.
type letterbox struct {
	mu     sync.Mutex
	limit  int
	kept   []DeadLetter // a ring once it is full
	oldest int
	total  uint64
	listen map[*letterListener]struct{}
}

type letterListener struct{ f func(DeadLetter) }

// DeadLetters returns the last dead letters, oldest first, and how many there
// have been in all. [DeadLetterLimit] says how many are kept.
func (n *Node) DeadLetters() (last []DeadLetter, total uint64) {
	b := &n.letters
	b.mu.Lock()
	defer b.mu.Unlock()
	last = append(last, b.kept[b.oldest:]...)
	return append(last, b.kept[:b.oldest]...), b.total
}

// OnDeadLetter calls f for each dead letter from now on, until ctx ends. f runs
// where the letter died and must neither block nor call OnDeadLetter.
func (n *Node) OnDeadLetter(ctx context.Context, f func(DeadLetter)) {
	b, l := &n.letters, &letterListener{f}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listen == nil {
		b.listen = make(map[*letterListener]struct{})
	}
	b.listen[l] = struct{}{}
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listen, l)
	})
}

// add takes what was left in the mailbox of a process that ended because of why.
func (b *letterbox) add(why error, left []letter) {
	for _, l := range left {
		if l.why == nil {
			l.why = why
		}
		b.addOne(l)
	}
}

func (b *letterbox) addOne(l letter) {
	if c, ok := l.body.(dropper); ok && errors.Is(l.why, ErrMailboxFull) {
		c.drop()
	}
	d := DeadLetter{From: PID{proc: l.from}, To: l.about, Body: l.body, Reason: l.why}
	if l.to != nil {
		d.To = l.to.pid()
	}
	for _, f := range b.keep(d) {
		f.f(d)
	}
}

func (b *letterbox) keep(d DeadLetter) (tell []*letterListener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total++
	switch {
	case len(b.kept) < b.limit:
		b.kept = append(b.kept, d)
	case b.limit > 0:
		b.kept[b.oldest] = d
		b.oldest = (b.oldest + 1) % b.limit
	}
	for l := range b.listen {
		tell = append(tell, l)
	}
	return tell
}
