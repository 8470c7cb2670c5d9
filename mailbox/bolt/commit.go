package bolt

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// A committer writes operations in the order in which they came, as many as there
// are in one transaction. Who wants something written and finds nobody writing does
// it himself, for the others too; what nobody waits for is written by a goroutine
// that ends when there has been nothing for a while.
type committer struct {
	store *Store

	mu      sync.Mutex
	queue   []*op
	running bool // somebody writes, or is about to
	armed   bool // the timer is set
	timer   *time.Timer
	work    chan struct{} // for the goroutine, if there is one
	failed  time.Duration // how long to wait before lazy operations are tried again; 0 if all is well
	eager   int           // operations in the queue that are not lazy
	crowd   int           // how many of those the last transaction had
	last    time.Duration // how long it took
	closed  bool
}

// An op is something to be written.
type op struct {
	apply func(*txn) error // may be called again after a transaction that failed
	done  chan struct{}    // closed at the end, for who waits; nil if nobody does
	err   error
	size  int  // bytes that it brings
	lazy  bool // it may wait for a moment
	again bool // it is tried until it is written
	over  bool // for who writes
}

const (
	maxBatch  = 2048     // operations in one transaction
	maxBytes  = 16 << 20 // that they bring; a larger one goes alone
	laziness  = 3 * time.Millisecond
	maxGather = time.Millisecond
	linger    = time.Second
	minFail   = 50 * time.Millisecond
	maxFail   = 5 * time.Second
)

// do writes an operation that brings so many bytes, and returns its error. It returns
// when the operation was written, or cannot be, or ctx has ended: it may then be
// written later.
func (c *committer) do(ctx context.Context, size int, apply func(*txn) error) error {
	o := &op{apply: apply, size: size}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return mailbox.ErrClosed
	}
	c.queue = append(c.queue, o)
	c.eager++
	if c.running {
		o.done = make(chan struct{})
		c.mu.Unlock()
		select {
		case <-o.done:
			return o.err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	c.running = true
	c.mu.Unlock()
	for !o.over && c.writeOnce() {
	}
	c.rest()
	if !o.over {
		return mailbox.ErrClosed // it was in the queue, and nobody else finishes it
	}
	return o.err
}

// later writes an operation that nobody waits for, until it is written.
func (c *committer) later(o *op) {
	o.again = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.queue = append(c.queue, o)
	if !o.lazy {
		c.eager++
	}
	c.stir()
}

// stir sees to it that what is in the queue will be written. The lock is held.
func (c *committer) stir() {
	if c.running || c.closed || len(c.queue) == 0 {
		return
	}
	wait := c.failed
	if c.eager == 0 {
		wait = max(laziness, wait)
	}
	if wait == 0 {
		c.running = true
		c.hand()
		return
	}
	if !c.armed {
		c.armed = true
		if c.timer == nil {
			c.timer = time.AfterFunc(wait, c.onTimer)
		} else {
			c.timer.Reset(wait)
		}
	}
}

func (c *committer) onTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	if c.running || c.closed || len(c.queue) == 0 {
		return
	}
	c.running = true
	c.hand()
}

// hand lets the goroutine write. The lock is held.
func (c *committer) hand() {
	if c.work == nil {
		c.work = make(chan struct{}, 1)
		go c.loop(c.work)
	}
	c.work <- struct{}{} // has room: it is sent by who sets running
}

// loop is the goroutine that writes what nobody waits for.
func (c *committer) loop(work chan struct{}) {
	patience := time.NewTimer(linger)
	defer patience.Stop()
	for {
		select {
		case _, open := <-work:
			if !open {
				return
			}
			c.writeOnce()
			c.rest()
			patience.Reset(linger)
			continue
		case <-patience.C:
		}
		c.mu.Lock()
		if len(work) == 0 {
			c.work = nil
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		patience.Reset(linger)
	}
}

// rest gives up writing, or lets a goroutine go on.
func (c *committer) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	if c.closed && c.work != nil {
		close(c.work)
		c.work = nil
	}
	c.stir()
}

// gather waits for a moment until as many have come as the last time: those whom
// the last transaction let go are on their way back. The lock is held.
func (c *committer) gather() {
	if c.crowd < 2 || c.eager >= c.crowd {
		return
	}
	limit := min(c.last/4, maxGather)
	for start := time.Now(); c.eager < c.crowd && time.Since(start) < limit; {
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
}

// writeOnce writes what is in the queue, and returns false if there was nothing. The
// caller has set running.
func (c *committer) writeOnce() bool {
	batch := c.take()
	if len(batch) == 0 {
		return false
	}
	start := time.Now()
	err := c.store.write(batch)
	if err != nil {
		batch, err = c.fail(batch, err)
	}
	c.mu.Lock()
	c.last = time.Since(start)
	if err == nil {
		c.failed = 0
	}
	c.mu.Unlock()
	for _, o := range batch {
		o.finish(o.err)
	}
	return true
}

// take takes from the queue what one transaction is to write.
func (c *committer) take() []*op {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gather()
	n, bytes, eager := 0, 0, 0
	for _, o := range c.queue {
		if bytes += o.size; n == maxBatch || n > 0 && bytes > maxBytes {
			break
		}
		if n++; !o.lazy {
			eager++
		}
	}
	batch := make([]*op, n)
	copy(batch, c.queue)
	rest := copy(c.queue, c.queue[n:])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	c.eager -= eager
	c.crowd = eager
	return batch
}

// fail tells those who wait, and tries the rest by itself: outcomes take less room
// than mail. It puts back what is to be tried once more later, and returns what was
// written.
func (c *committer) fail(batch []*op, err error) (written []*op, _ error) {
	var again []*op
	for _, o := range batch {
		if o.again {
			again = append(again, o)
		} else {
			o.finish(err)
		}
	}
	if len(again) > 0 && len(again) < len(batch) {
		if err = c.store.write(again); err == nil {
			return again, nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(again, c.queue...)
	for _, o := range again {
		if !o.lazy {
			c.eager++
		}
	}
	c.failed = min(max(2*c.failed, minFail), maxFail)
	return nil, err
}

func (o *op) finish(err error) {
	o.err, o.over = err, true
	if o.done != nil {
		close(o.done)
	}
}

// close ends all writing. What is in the queue is not written.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	queue := c.queue
	c.queue, c.eager = nil, 0
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.work != nil && !c.running {
		close(c.work)
		c.work = nil
	}
	c.mu.Unlock()
	for _, o := range queue {
		if o.done != nil {
			o.finish(mailbox.ErrClosed)
		}
	}
}
