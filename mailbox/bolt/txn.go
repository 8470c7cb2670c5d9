package bolt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	bolt "go.etcd.io/bbolt"
)

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
	if s.db == nil {
		s.file.RUnlock()
		if err := s.reopen(); err != nil {
			return 0, err
		}
		s.file.RLock()
	}
	defer s.file.RUnlock()
	if s.db == nil {
		return 0, mailbox.ErrClosed
	}
	defer damaged(&err) // also what comes to light in the commit itself
	err = s.db.Update(func(tx *bolt.Tx) error {
		t.Tx, id = tx, tx.ID()
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

// damaged makes an error of a panic: bbolt panics when a page is not what it should
// be.
func damaged(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("the file is damaged: %v", v)
	}
}

// view reads the file.
func (s *Store) view(f func(*txn) error) (err error) {
	s.file.RLock()
	defer s.file.RUnlock()
	if s.closed.Load() {
		return mailbox.ErrClosed
	}
	if s.db == nil {
		return errNotOpen
	}
	defer damaged(&err)
	return s.db.View(func(tx *bolt.Tx) error {
		return f(&txn{Tx: tx, store: s, now: s.wall()})
	})
}

var errNotOpen = errors.New("mailbox/bolt: the file could not be opened again after its disk had failed")

// reopenIfWritten opens the file anew when a transaction is in the file though it
// failed, at its very last step: bbolt's notion of the free pages is then wrong, and
// so is what is known of the boxes.
func (s *Store) reopenIfWritten(id int) {
	written := false
	err := s.view(func(t *txn) error {
		written = t.ID() >= id
		return nil
	})
	if err == nil && !written || errors.Is(err, errNotOpen) || s.closed.Load() {
		return
	}
	s.file.Lock()
	if s.db != nil {
		s.db.Close()
		s.db = nil
	}
	s.file.Unlock()
	s.relearn()
	s.reopen() //nolint:errcheck // the next to write tries again, and tells
}

// reopen opens the file if it is not, because it could not be opened anew.
func (s *Store) reopen() (err error) {
	s.file.Lock()
	defer s.file.Unlock()
	if s.db == nil && !s.closed.Load() {
		s.db, err = s.openFile()
	}
	return err
}

// relearn forgets what is known of the boxes: it will be read from the file again.
func (s *Store) relearn() {
	s.doubt = true
	s.mu.Lock()
	boxes := slices.Collect(maps.Values(s.boxes))
	for _, x := range s.sessions {
		x.loaded, x.promised = nil, 0
		x.knock()
	}
	s.scan.due, s.scan.from = true, nil
	s.mu.Unlock()
	for _, b := range boxes {
		b.lose()
	}
	s.alarms.mail(s.wall().UnixNano()) // what is due is in the file
}
