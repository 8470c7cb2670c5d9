package bolt

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	bolt "go.etcd.io/bbolt"
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
	lazy  bool // it may wait for a moment
	again bool // it is tried until it is written
	over  bool // for who writes
}

const (
	maxBatch = 2048
	laziness = 3 * time.Millisecond
	linger   = time.Second
	minFail  = 50 * time.Millisecond
	maxFail  = 5 * time.Second
)

// do writes an operation and returns its error. It returns when the operation was
// written, or cannot be.
func (c *committer) do(apply func(*txn) error) error {
	o := &op{apply: apply}
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
		<-o.done
		return o.err
	}
	c.running = true
	c.mu.Unlock()
	for !o.over {
		c.writeOnce()
	}
	c.rest()
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
	limit := c.last / 4
	for start := time.Now(); c.eager < c.crowd && time.Since(start) < limit; {
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
}

// writeOnce writes what is in the queue. The caller has set running.
func (c *committer) writeOnce() {
	c.mu.Lock()
	c.gather()
	n := min(len(c.queue), maxBatch)
	batch := make([]*op, n)
	copy(batch, c.queue)
	rest := copy(c.queue, c.queue[n:])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	eager := 0
	for _, o := range batch {
		if !o.lazy {
			eager++
		}
	}
	c.eager -= eager
	c.crowd = eager
	c.mu.Unlock()
	if n == 0 {
		return
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

// A txn is a transaction that operations are part of.
type txn struct {
	*bolt.Tx
	store  *Store
	now    time.Time
	later  []func() // when it has been committed
	saved  map[*box]onDisk
	undo   []func() // when it has failed, the last first
	opened [tables]*bolt.Bucket
}

// table returns a bucket of the file.
func (t *txn) table(i table) *bolt.Bucket {
	if t.opened[i] == nil {
		t.opened[i] = t.Bucket([]byte(names[i]))
	}
	return t.opened[i]
}

// then calls f when the transaction has been committed.
func (t *txn) then(f func()) { t.later = append(t.later, f) }

// change returns what is known of a box's part of the file, to be changed: if the
// transaction fails it will be as before.
func (t *txn) change(b *box) *onDisk {
	if _, known := t.saved[b]; !known {
		if t.saved == nil {
			t.saved = make(map[*box]onDisk)
		}
		t.saved[b] = b.disk
	}
	return &b.disk
}

// opError is an error of one operation, which has changed nothing: the others of
// its transaction go on.
type opError struct{ error }

func (e opError) Unwrap() error { return e.error }

// write makes one transaction of a batch. Errors of single operations are left in
// them.
func (s *Store) write(batch []*op) error {
	t := &txn{store: s, now: s.wall(), later: make([]func(), 0, 2*len(batch))}
	id, err := s.update(t, batch)
	if err == nil {
		for _, f := range t.later {
			f()
		}
		return nil
	}
	for _, f := range slices.Backward(t.undo) {
		f()
	}
	for b, was := range t.saved {
		b.disk = was
	}
	s.counts = nil
	s.reopenIfWritten(id)
	return fmt.Errorf("mailbox/bolt: cannot write %s: %w", s.path, err)
}

func (s *Store) update(t *txn, batch []*op) (id int, err error) {
	s.file.RLock()
	defer s.file.RUnlock()
	if s.db == nil {
		return 0, errors.New("the file could not be opened again")
	}
	err = s.db.Update(func(tx *bolt.Tx) (err error) {
		t.Tx, id = tx, tx.ID()
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("the file is damaged: %v", v)
			}
		}()
		for _, o := range batch {
			o.err = nil
			var own opError
			if err := o.apply(t); errors.As(err, &own) {
				o.err = own.error
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// view reads the file.
func (s *Store) view(f func(*txn) error) error {
	s.file.RLock()
	defer s.file.RUnlock()
	if s.db == nil || s.closed.Load() {
		return mailbox.ErrClosed
	}
	return s.db.View(func(tx *bolt.Tx) error {
		return f(&txn{Tx: tx, store: s, now: s.wall()})
	})
}

// reopenIfWritten opens the file anew when a transaction is in the file though it
// failed, at its very last step: bbolt's notion of the free pages is then wrong.
func (s *Store) reopenIfWritten(id int) {
	written := false
	err := s.view(func(t *txn) error {
		written = t.ID() >= id
		return nil
	})
	if err == nil && !written {
		return
	}
	s.file.Lock()
	defer s.file.Unlock()
	if s.db == nil || s.closed.Load() {
		return
	}
	s.db.Close()
	if s.db, err = s.openFile(); err != nil {
		s.db = nil
	}
}
