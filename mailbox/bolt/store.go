package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// A Store keeps mail in a file. It is a [mailbox.Store] and carries
// [mailbox.Answers] within the program; its boxes are [mailbox.Ledger]s, and it has
// their [mailbox.States].
type Store struct {
	mailbox.LocalAnswers

	path     string
	noSync   bool
	largest  int
	remember time.Duration
	lockWait time.Duration
	letters  int
	wall     func() time.Time

	file   sync.RWMutex // of db, which a failed commit may replace
	db     *bolt.DB
	commit committer
	closed atomic.Bool

	// Touched by whoever writes alone.
	counts map[string]int // mail at addresses whose mail brings a limit
	doubt  bool           // a transaction has failed and is in the file all the same

	mu       sync.Mutex
	sessions []*session
	boxes    map[string]*box       // those with an owner
	stopped  map[string]struct{}   // addresses
	given    map[string]*givenBack // by key
	resting  map[string]time.Time  // addresses that were released for later
	ready    []string              // addresses for sessions to take
	queued   map[string]struct{}   // those in ready
	scan     scan
	alarms   alarms
	room     map[string]chan struct{} // closed when mail has left a full address
}

// An Option changes how a file is opened.
type Option func(*Store)

// NoSync does not wait for the disk. A program that is killed still loses nothing,
// but when the machine dies the file may be damaged and all of it lost. It is for
// tests, and for mail that can be had again.
func NoSync() Option { return func(s *Store) { s.noSync = true } }

// Largest sets how many bytes one mail may have; the default is 64 MiB.
func Largest(bytes int) Option { return func(s *Store) { s.largest = bytes } }

// Remember sets how long the IDs of mail are remembered; the default is
// [mailbox.DefaultRemember].
func Remember(d time.Duration) Option { return func(s *Store) { s.remember = d } }

// DeadLetterLimit sets how many dead letters are kept; the oldest go first. The
// default is all.
func DeadLetterLimit(n int) Option { return func(s *Store) { s.letters = n } }

// LockWait sets how long Open waits for another program to let go of the file; the
// default is half a second.
func LockWait(d time.Duration) Option { return func(s *Store) { s.lockWait = d } }

// WallClock sets what tells the time of the day by which delayed mail is due; the
// default is [time.Now].
func WallClock(now func() time.Time) Option { return func(s *Store) { s.wall = now } }

const largest = 64 << 20

// Open opens the file, or makes one if there is none, with what its path lacks of
// folders. It returns an error that wraps mailbox.ErrInUse if another program has
// it open, and the errors of the operating system.
func Open(path string, opts ...Option) (*Store, error) {
	s := &Store{
		path: path, largest: largest, remember: mailbox.DefaultRemember, lockWait: 500 * time.Millisecond, wall: time.Now,
		boxes: make(map[string]*box), stopped: make(map[string]struct{}),
		resting: make(map[string]time.Time), given: make(map[string]*givenBack), queued: make(map[string]struct{}),
		room: make(map[string]chan struct{}),
	}
	s.commit.store = s
	s.alarms.store = s
	for _, o := range opts {
		o(s)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("mailbox/bolt: %w", err)
	}
	_, err := os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	if s.db, err = s.openFile(); err != nil {
		return nil, err
	}
	if err := s.prepare(fresh); err != nil {
		s.db.Close()
		return nil, err
	}
	return s, nil
}

// openFile opens the file, whose pages have been verified unless it is new.
func (s *Store) openFile() (*bolt.DB, error) {
	info, err := os.Stat(s.path)
	if err == nil && info.Size() > 0 {
		err = s.verifyFile()
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, s.cannotOpen(err)
	}
	db, _, err := openBolt(s.path, &bolt.Options{
		Timeout: s.lockWait, NoSync: s.noSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
	})
	if err != nil {
		return nil, s.cannotOpen(err)
	}
	return db, nil
}

// openBolt is bolt.Open, but returns an error where that panics, and the file.
func openBolt(path string, o *bolt.Options) (db *bolt.DB, file *os.File, err error) {
	o.OpenFile = func(path string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(path, flag, mode)
		return file, err
	}
	defer func() {
		if v := recover(); v != nil {
			file.Close() // and with it the lock
			err = fmt.Errorf("%w (%v)", errDamaged, v)
		}
	}()
	db, err = bolt.Open(path, 0o600, o)
	return db, file, err
}

func (s *Store) verifyFile() error {
	db, file, err := openBolt(s.path, &bolt.Options{Timeout: s.lockWait, ReadOnly: true}) // which does not look for free pages
	if err != nil {
		return err
	}
	return errors.Join(verify(file, db), db.Close())
}

// cannotOpen says why the file cannot be opened, and what to do about it.
func (s *Store) cannotOpen(err error) error {
	var system *os.PathError
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: %s is open already", mailbox.ErrInUse, s.path)
	case errors.As(err, &system): // and says what
	case errors.Is(err, berrors.ErrVersionMismatch):
		err = fmt.Errorf("%w: it was written by another version of bbolt", err)
	case !errors.Is(err, errDamaged):
		err = fmt.Errorf("%w (%w)", errDamaged, err)
	}
	return fmt.Errorf("mailbox/bolt: cannot open %s: %w", s.path, err)
}

// prepare makes the tables of a new file, and reads what is to be known of an old
// one.
func (s *Store) prepare(fresh bool) error {
	if fresh && !s.noSync {
		if err := syncDir(filepath.Dir(s.path)); err != nil {
			return fmt.Errorf("mailbox/bolt: %w", err)
		}
	}
	known := false
	err := s.view(func(t *txn) error {
		if known = t.table(meta) != nil; !known {
			return nil
		}
		if v := t.table(meta).Get([]byte("version")); len(v) != 8 || binary.BigEndian.Uint64(v) != formatVersion {
			return fmt.Errorf("mailbox/bolt: %s was written by a newer program: use that, or another file", s.path)
		}
		return s.recall(t)
	})
	if err != nil || known {
		return err
	}
	return s.commit.do(context.Background(), 0, func(t *txn) error {
		for _, name := range names {
			if _, err := t.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return t.table(meta).Put([]byte("version"), binary.BigEndian.AppendUint64(nil, formatVersion))
	})
}

// recall reads which addresses are stopped and when the first mail is due.
func (s *Store) recall(t *txn) error {
	c := t.table(stopped).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		s.stopped[string(k)] = struct{}{}
	}
	if k, _ := t.table(due).Cursor().First(); k != nil {
		s.alarms.mail(keyTime(k))
	}
	return nil
}

// Close ends all sessions, writes what they have settled and closes the file. If
// that cannot be written, the mail comes again, and Close returns why.
func (s *Store) Close() error {
	s.mu.Lock()
	sessions := append([]*session(nil), s.sessions...)
	s.mu.Unlock()
	if s.closed.Load() {
		return nil
	}
	for _, x := range sessions {
		x.end()
	}
	err := s.flush(context.Background())
	if s.closed.Swap(true) {
		return nil
	}
	if errors.Is(err, mailbox.ErrClosed) {
		err = nil
	}
	return errors.Join(err, s.shut())
}

// shut lets go of everything, whatever is still to be written.
func (s *Store) shut() error {
	s.closed.Store(true)
	s.commit.close()
	s.alarms.stop()
	s.LocalAnswers.Close()
	s.mu.Lock()
	for address, c := range s.room {
		close(c)
		delete(s.room, address)
	}
	s.mu.Unlock()
	s.file.Lock()
	defer s.file.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// flush returns when all that was asked for before has been written.
func (s *Store) flush(ctx context.Context) error {
	return s.commit.do(ctx, 0, func(*txn) error { return nil })
}

// Addresses returns what people need to know and change about addresses.
func (s *Store) Addresses() mailbox.Addresses { return addresses{s} }

// DeadLetters returns the mail that will not be handled.
func (s *Store) DeadLetters() mailbox.DeadLetters { return deadLetters{s} }
