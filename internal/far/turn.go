package far

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/wire"
)

// Who reads the link. The goroutine in [Peer.Serve] does, unless somebody waits for
// just what will come next: an asker for the answer, a process for its next message.
// Those read for themselves, see [Peer.Await], and hand out what is for others. A round
// trip takes little longer then than one over a bare socket, and half as long as one in
// which Serve wakes the two: a goroutine that is woken by another wakes a thread besides,
// which looks for work on the very processor that the other side needs.
//
// When one who read has what he waited for, the turn is loose: whoever waits next takes
// it, and Serve takes it when something comes before that. Serve lets go of the turn when
// it has delivered the last frame that there was, and less and less often if that does
// not pay: a stream is better read by one and handled by another.
type turn struct {
	mu      sync.Mutex
	whose   holder
	watch   *wire.Watch // set while the turn is loose; nil if there was no use for it
	without bool        // there can be no watch
	used    bool        // somebody took the turn since Serve let go of it
	skip    int         // chances to let go that Serve will not use
	penalty int         // how many it left out the last time
	failed  error       // why one who read could not go on

	// blocked is whose token would not be seen, because he waits for the link.
	blocked atomic.Pointer[chan struct{}]
}

// A holder is who has the turn.
type holder uint8

const (
	served holder = iota // the goroutine in Serve
	loose                // nobody
	lent                 // somebody in Await
	due                  // nobody: Serve is about to take it
)

const (
	// maxPenalty is how many chances Serve leaves out at most.
	maxPenalty = 255
	// maxForOthers is how many frames one who waits handles.
	maxForOthers = 8
)

// letGo makes the turn loose, if that is likely to pay, and waits until it comes back.
// Only Serve calls it.
func (t *turn) letGo(l *wire.Link) error {
	t.mu.Lock()
	if !t.mayLetGo(l) {
		t.mu.Unlock()
		return nil
	}
	t.whose, t.used = loose, false
	t.watch.Set()
	for t.whose == loose || t.whose == lent {
		t.mu.Unlock()
		t.watch.Wait()
		t.mu.Lock()
		if t.whose == loose {
			break
		}
	}
	defer t.mu.Unlock()
	if !t.used {
		t.didNotPay()
	}
	t.whose = served
	return t.failed
}

// mayLetGo decides whether the turn is to be loose. The lock is held.
func (t *turn) mayLetGo(l *wire.Link) bool {
	if t.skip > 0 {
		t.skip--
		return false
	}
	if t.watch == nil && !t.without {
		var err error
		t.watch, err = l.NewWatch()
		t.without = err != nil
	}
	return !t.without
}

// take takes the turn if it is loose.
func (t *turn) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.whose != loose {
		return false
	}
	t.whose, t.used = lent, true
	t.watch.Unset()
	return true
}

// put is the end of what take began: the turn is loose again if that paid, and else
// it is Serve's.
func (t *turn) put(paid bool, failed error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if paid {
		t.penalty = 0
		t.whose = loose
		t.watch.Set()
		return
	}
	t.didNotPay()
	t.whose, t.failed = due, failed
	t.watch.Wake()
}

// didNotPay makes Serve let go less often. The lock is held.
func (t *turn) didNotPay() {
	t.penalty = min(2*t.penalty+1, maxPenalty)
	t.skip = t.penalty
}

// end is called when nobody will read any more.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watch != nil {
		t.watch.Close()
		t.watch, t.without = nil, true
	}
}

// Await waits for a token in wake, which has room for one, and takes it. It may read
// what the other side sends meanwhile. Whoever puts a token in must call [Peer.Woken]
// with the same wake afterwards.
func (p *Peer) Await(wake *chan struct{}) {
	if p.turn.take() && p.readInTurn(wake) {
		return
	}
	<-*wake
}

// errUnwound is why one who read could not go on if code of others, a logger say, panicked.
var errUnwound = errors.New("troupe: a frame from the other node was not handled to its end")

// readInTurn is readFor for one who has taken the turn.
func (p *Peer) readInTurn(wake *chan struct{}) (got bool) {
	paid, err := false, errUnwound
	defer func() { p.turn.put(paid, err) }()
	got, paid, err = p.readFor(wake)
	return got
}

// Woken is called after a token was put into wake.
func (p *Peer) Woken(wake *chan struct{}) {
	if p.turn.blocked.Load() == wake {
		p.link.Load().Interrupt()
	}
}

// readFor handles frames until there is a token in wake, if these are few. It reports
// whether the token was taken, and whether the turn should be used so again: somebody
// else who wakes the caller, or many frames, tell that it should not.
func (p *Peer) readFor(wake *chan struct{}) (got, paid bool, err error) {
	l := p.link.Load()
	for range maxForOthers {
		p.turn.blocked.Store(wake)
		if token(*wake) {
			p.turn.blocked.Store(nil)
			return true, !l.Buffered(), nil
		}
		kind, body, err := l.Receive()
		p.turn.blocked.Store(nil)
		if err != nil {
			return token(*wake), false, nil // Serve gets the same error, unless it was Woken's
		}
		if err := p.receive(kind, body); err != nil {
			return token(*wake), false, err
		}
	}
	return token(*wake), false, nil
}

func token(wake chan struct{}) bool {
	select {
	case <-wake:
		return true
	default:
		return false
	}
}

// receive handles a frame that came.
func (p *Peer) receive(kind byte, body *wire.Decoder) error {
	body.Peer = p
	if err := p.handle(kind, body); err != nil {
		return badFrame(kind, err)
	}
	return nil
}
