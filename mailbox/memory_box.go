package mailbox

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// A box is the mail of one address in memory. It is there as long as it holds
// something. Lock order: box, then desk, session or shard.
type box struct {
	mu      sync.Mutex
	store   *Memory
	address string
	owner   *tenure // nil if nobody owns it
	normal  lane
	rare    *rare
	stopped bool // by a person
	queued  bool // it lies on the desk for a session to take
	gone    bool // it is not the address's box any more
}

// rare holds what most boxes never need.
type rare struct {
	high, low lane
	delayed   []item        // a heap by due
	rest      time.Duration // no session may have it before, from the start of the store
	alarm     int64         // when the desk looks at it; 0 is never
	granted   int           // room given to blocked senders that have not come for it
	blocked   []*roomWaiter
}

func (b *box) more() *rare {
	if b.rare == nil {
		b.rare = new(rare)
	}
	return b.rare
}

// lane returns the lane, nil if it was never used.
func (b *box) lane(i uint8) *lane {
	switch {
	case i == normalLane:
		return &b.normal
	case b.rare == nil:
		return nil
	case i == highLane:
		return &b.rare.high
	}
	return &b.rare.low
}

// waiting counts the mail that could be fetched now but for its turn.
func (b *box) waiting() int {
	n := b.normal.waiting()
	if b.rare != nil {
		n += b.rare.high.waiting() + b.rare.low.waiting()
	}
	return n
}

// out counts the mail that is fetched and not settled.
func (b *box) out() int {
	n := b.normal.out
	if b.rare != nil {
		n += b.rare.high.out + b.rare.low.out
	}
	return int(n)
}

// count counts all mail.
func (b *box) count() int {
	n := b.waiting() + b.out()
	if b.rare != nil {
		n += len(b.rare.delayed)
	}
	return n
}

func (b *box) waiters() bool { return b.rare != nil && len(b.rare.blocked)+b.rare.granted > 0 }

// farAhead is after how much waiting mail a sender first yields its turn.
const farAhead = 1024

// pushAndUnlock puts an item where it belongs.
func (b *box) pushAndUnlock(it item) {
	it.put = b.store.clock.read()
	if it.due != 0 && it.due > b.store.wall().UnixNano() {
		b.delay(it)
		b.mu.Unlock()
		return
	}
	it.due = 0
	if it.lane != normalLane {
		b.more()
	}
	l := b.lane(it.lane)
	l.push(it)
	ahead := l.n%farAhead == 0
	b.offerAndUnlock()
	if ahead {
		runtime.Gosched()
	}
}

// offerAndUnlock tells whoever is to know that there is mail.
func (b *box) offerAndUnlock() {
	t := b.owner
	switch {
	case t == nil && !b.queued && !b.gone && b.ready():
		b.queued = b.store.desk.push(b)
	case t != nil && t.wake != nil && (b.stopped || b.ready()):
		wake := t.wake
		t.wake = nil
		b.mu.Unlock()
		wake()
		return
	}
	b.mu.Unlock()
}

// ready reports whether there is something that could be fetched now. If there
// is nothing because it is too early, it sets the alarm.
func (b *box) ready() bool {
	if b.stopped || b.resting() {
		return false
	}
	for i := range uint8(lanes) {
		l := b.lane(i)
		if l == nil {
			continue
		}
		it, _ := l.peek()
		switch {
		case it == nil:
			continue
		case it.due != 0 && b.early(it.due):
			return false
		}
		return b.mayHave(it)
	}
	return false
}

// mayHave reports whether the owner may have the item beside what it has.
func (b *box) mayHave(it *item) bool {
	t := b.owner
	if t == nil {
		return true
	}
	out := b.out()
	if out == 0 {
		t.alone = false
		return true
	}
	return !t.alone && it.count == 0 && out < t.session.window
}

// resting reports whether the box was released to be taken later.
func (b *box) resting() bool {
	if b.rare == nil || b.rare.rest == 0 || b.owner != nil {
		return false
	}
	left := b.rare.rest - time.Since(b.store.start)
	if left > 0 {
		b.alarm(b.store.wall().Add(left).UnixNano())
	}
	return left > 0
}

// early reports whether at has not come, and sets the alarm for it.
func (b *box) early(at int64) bool {
	if at <= b.store.wall().UnixNano() {
		return false
	}
	b.alarm(at)
	return true
}

func (b *box) alarm(at int64) {
	r := b.more()
	if r.alarm == 0 || at < r.alarm {
		r.alarm = at
		b.store.desk.setAlarm(b, at)
	}
}

// ringAt is called by the desk when the alarm that was set for at goes off.
func (b *box) ringAt(at int64) {
	b.mu.Lock()
	if b.gone || b.rare.alarm != at {
		b.mu.Unlock()
		return
	}
	b.rare.alarm = 0
	b.undelay()
	b.offerAndUnlock()
}

// delay keeps an item until it is due.
func (b *box) delay(it item) {
	r := b.more()
	r.delayed = append(r.delayed, it)
	for i := len(r.delayed) - 1; i > 0; {
		up := (i - 1) / 2
		if r.delayed[up].due <= r.delayed[i].due {
			break
		}
		r.delayed[up], r.delayed[i] = r.delayed[i], r.delayed[up]
		i = up
	}
	b.alarm(r.delayed[0].due)
}

// undelay moves what is due into its lane.
func (b *box) undelay() {
	r := b.rare
	for len(r.delayed) > 0 && !b.early(r.delayed[0].due) {
		it := r.delayed[0]
		it.due = 0
		last := len(r.delayed) - 1
		r.delayed[0] = r.delayed[last]
		r.delayed[last] = item{}
		r.delayed = r.delayed[:last]
		sink(r.delayed)
		b.lane(it.lane).push(it)
	}
}

func sink(heap []item) {
	for i := 0; ; {
		next := 2*i + 1
		if next >= len(heap) {
			return
		}
		if next+1 < len(heap) && heap[next+1].due < heap[next].due {
			next++
		}
		if heap[i].due <= heap[next].due {
			return
		}
		heap[i], heap[next] = heap[next], heap[i]
		i = next
	}
}

// abandon is the end of the box when the store closes.
func (b *box) abandon() {
	b.mu.Lock()
	b.gone = true
	var blocked []*roomWaiter
	if b.rare != nil {
		blocked, b.rare.blocked = b.rare.blocked, nil
	}
	b.mu.Unlock()
	for _, w := range blocked {
		close(w.ready)
	}
}

// setStoppedAndUnlock stops or starts the address.
func (b *box) setStoppedAndUnlock(stopped bool) {
	b.stopped = stopped
	if !stopped && b.rare != nil {
		b.rare.rest = 0
	}
	if !stopped && b.owner == nil && b.count() == 0 {
		b.sweepAndUnlock()
		return
	}
	b.offerAndUnlock()
}

// status returns what is known of the address. The lock is held.
func (b *box) status() Status {
	s := Status{Address: b.address, Waiting: b.count(), Stopped: b.stopped}
	if b.rare != nil {
		s.Delayed = len(b.rare.delayed)
	}
	oldest := int64(0)
	for i := range uint8(lanes) {
		if l := b.lane(i); l != nil && l.n > 0 {
			if put := l.at(0).put; oldest == 0 || put < oldest {
				oldest = put
			}
		}
	}
	if oldest != 0 {
		s.Oldest = time.Unix(0, oldest)
	}
	return s
}

// A roomWaiter is a sender that waits for room.
type roomWaiter struct {
	ready chan struct{} // closed when there is room, or the store was closed
	limit int
	given bool // guarded by the box's lock
}

// await waits until fewer than limit wait in the box. The lock is held on entry
// and, if the error is nil, on return.
func (b *box) await(ctx context.Context, limit int) error {
	r := b.more()
	w := &roomWaiter{ready: make(chan struct{}), limit: limit}
	r.blocked = append(r.blocked, w)
	b.mu.Unlock()
	var err error
	select {
	case <-w.ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	b.mu.Lock()
	if w.given {
		r.granted--
	} else {
		for i, other := range r.blocked {
			if other == w {
				r.blocked = append(r.blocked[:i], r.blocked[i+1:]...)
				break
			}
		}
	}
	if err == nil && b.gone {
		err = ErrClosed
	}
	if err != nil {
		b.grant()
		b.sweepAndUnlock()
	}
	return err
}

// grant gives room to those who wait for it, in the order they came.
func (b *box) grant() {
	r := b.rare
	if r == nil {
		return
	}
	for len(r.blocked) > 0 && b.waiting()+r.granted < r.blocked[0].limit {
		w := r.blocked[0]
		r.blocked = r.blocked[1:]
		r.granted++
		w.given = true
		close(w.ready)
	}
}
