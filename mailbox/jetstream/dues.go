package jetstream

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// dues moves delayed mail to its place when it is due. Delayed mail lies in a stream of
// its own; each program that serves knows what is in it by number and time, and moves
// what belongs to its partitions.
type dues struct {
	store *Store
	wake  chan struct{}

	mu      sync.Mutex
	queue   dueQueue
	overdue map[int][]due // of partitions that others have
	all     bool          // the queue has all that there was: it can be moved in order
}

type due struct {
	at   int64
	seq  uint64
	part int
}

func (d *dues) init(s *Store) {
	d.store, d.wake, d.overdue = s, make(chan struct{}, 1), map[int][]due{}
}

// run reads the stream and moves what is due, until ctx ends.
func (d *dues) run(ctx context.Context) {
	var reading sync.WaitGroup
	reading.Go(func() { d.read(ctx) })
	defer reading.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.wake:
		}
		if !d.known() {
			continue
		}
		if next := d.move(ctx); next >= 0 {
			timer.Reset(min(next, time.Minute)) // clocks may jump
		}
	}
}

// read notes all delayed mail, that which is there and that which comes.
func (d *dues) read(ctx context.Context) {
	pause := retry.NewPause()
	for d.store.connected(ctx) == nil && ctx.Err() == nil {
		lost := d.store.line.holds()
		d.mu.Lock() // all will be noted again
		d.queue, d.overdue, d.all = nil, map[int][]due{}, false
		d.mu.Unlock()
		attempt, cancel := d.store.attempt(ctx)
		c, err := d.store.later.OrderedConsumer(attempt, js.OrderedConsumerConfig{HeadersOnly: true})
		cancel()
		var it js.MessagesContext
		if err == nil {
			d.came(c.CachedInfo().NumPending == 0)
			it, err = c.Messages()
		}
		if err == nil {
			stop, stopLost := context.AfterFunc(ctx, it.Stop), context.AfterFunc(lost, it.Stop)
			for err == nil {
				var m js.Msg
				if m, err = it.Next(); err == nil {
					d.note(m)
				}
			}
			stop()
			stopLost()
			it.Stop()
		}
		if ctx.Err() == nil && lost.Err() == nil {
			d.store.log(fmt.Errorf("jetstream: reading delayed mail: %w", err))
			pause.Wait(ctx)
		}
	}
}

func (d *dues) note(m js.Msg) {
	meta, err := m.Metadata()
	at, err2 := strconv.ParseInt(m.Headers().Get(dueHeader), 10, 64)
	address, _, ok := d.store.parseSubject(m.Subject())
	if err != nil || err2 != nil || !ok {
		return
	}
	d.mu.Lock()
	heap.Push(&d.queue, due{at, meta.Sequence.Stream, partitionOf(address, d.store.partitions)})
	d.mu.Unlock()
	d.came(meta.NumPending == 0)
}

// came notes that mail came, and whether it was the last.
func (d *dues) came(last bool) {
	d.mu.Lock()
	d.all = d.all || last
	d.mu.Unlock()
	d.kick()
}

func (d *dues) known() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all
}

func (d *dues) kick() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// taken looks again at what is overdue in a partition that the program has got.
func (d *dues) taken(part int) {
	d.mu.Lock()
	d.again(part)
	d.mu.Unlock()
	d.kick()
}

// again queues what is overdue in a partition, and reports whether there was any. The lock
// is held.
func (d *dues) again(part int) bool {
	some := len(d.overdue[part]) > 0
	for _, x := range d.overdue[part] {
		heap.Push(&d.queue, x)
	}
	delete(d.overdue, part)
	return some
}

// move moves what is due and returns when the next will be, or -1.
func (d *dues) move(ctx context.Context) time.Duration {
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.mu.Unlock()
			return -1
		}
		first := d.queue[0]
		if wait := time.Until(time.Unix(0, first.at)); wait > 0 {
			d.mu.Unlock()
			return wait
		}
		mine := d.store.clerk.has(first.part)
		if mine && d.again(first.part) { // what was due before goes first
			d.mu.Unlock()
			continue
		}
		heap.Pop(&d.queue)
		if !mine {
			d.overdue[first.part] = append(d.overdue[first.part], first)
		}
		d.mu.Unlock()
		if !mine {
			if d.store.clerk.has(first.part) { // just taken
				d.taken(first.part)
			}
			continue
		}
		if err := d.store.moveDue(ctx, first.seq); err != nil {
			if ctx.Err() == nil {
				d.store.log(fmt.Errorf("jetstream: moving delayed mail: %w", err))
			}
			d.mu.Lock()
			heap.Push(&d.queue, first)
			d.mu.Unlock()
			return 200 * time.Millisecond
		}
	}
}

// has reports whether the program has a partition.
func (c *clerk) has(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return n < len(c.slots) && c.slots[n].part != nil
}

// moveDue puts delayed mail to its place. It may be done twice: the mail has a name then.
func (s *Store) moveDue(ctx context.Context, seq uint64) error {
	ctx, cancel := s.attempt(ctx)
	defer cancel()
	m, err := s.later.GetMsg(ctx, seq)
	if errors.Is(err, js.ErrMsgNotFound) {
		return nil // it was moved
	}
	if err != nil {
		return err
	}
	address, lane, ok := s.parseSubject(m.Subject)
	if !ok {
		return s.later.DeleteMsg(ctx, seq)
	}
	h := nats.Header{}
	h.Set(putHeader, strconv.FormatInt(m.Time.UnixNano(), 10))
	for _, name := range []string{putHeader, triesHeader} {
		if v := m.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	out := &nats.Msg{Subject: s.mailSubject(address, lane), Header: h, Data: m.Data}
	if _, err := s.js.PublishMsg(ctx, out, js.WithMsgID(fmt.Sprintf("due-%d", seq))); err != nil {
		return err
	}
	err = s.later.DeleteMsg(ctx, seq)
	if errors.Is(err, js.ErrMsgNotFound) || errors.Is(err, js.ErrMsgDeleteUnsuccessful) {
		return nil
	}
	return err
}

// A dueQueue is a heap: the earliest first, of those the one that was put first.
type dueQueue []due

func (q dueQueue) Len() int { return len(q) }
func (q dueQueue) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}
func (q dueQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *dueQueue) Push(x any)   { *q = append(*q, x.(due)) }
func (q *dueQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
