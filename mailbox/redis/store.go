package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
)

// Store keeps mail in Redis. It is a mailbox.Store and mailbox.Answers. Make one
// with [Connect] or [New].
type Store struct {
	config
	rdb     goredis.UniversalClient
	mine    bool   // rdb is closed with the store
	id      string // begins the names of its sessions
	roots   []string
	putters []*putter
	hub     *hub

	alive context.Context // until the store is closed
	end   context.CancelFunc

	mu       sync.Mutex
	sessions map[*Session]struct{}
	serial   int
	boxes    map[string]*box // those that its sessions own
}

var (
	_ mailbox.Store   = (*Store)(nil)
	_ mailbox.Answers = (*Store)(nil)
)

var errClosed = mailbox.ErrClosed

// Connect returns the store in the Redis at url, such as
// "redis://user:password@127.0.0.1:6379/0" or "rediss://…" with TLS. It returns an
// error if url is none or nobody answers there.
func Connect(url string, opts ...Option) (*Store, error) {
	o, err := goredis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redis: %w: write it like redis://127.0.0.1:6379", err)
	}
	o.MaxRetries = -1 // the store tries again by itself
	o.DisableIdentity = true
	o.ContextTimeoutEnabled = true
	s := New(goredis.NewClient(o), opts...)
	s.mine = true
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.teach(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("redis: no use can be made of %s: %w: see that a Redis of version 6.2 or later runs there", o.Addr, err)
	}
	return s, nil
}

// New returns the store in the Redis that client knows: for Redis Cluster, Sentinel,
// or options that have no place in a URL. Close does not close client.
func New(client goredis.UniversalClient, opts ...Option) *Store {
	s := &Store{config: newConfig(opts), rdb: client, id: rand.Text(), sessions: map[*Session]struct{}{}, boxes: map[string]*box{}}
	if s.remember <= 0 {
		s.remember = mailbox.DefaultRemember
	}
	s.alive, s.end = context.WithCancel(context.Background())
	for i := range s.partitions {
		root := fmt.Sprintf("%s:{%d}", s.prefix, i)
		s.roots = append(s.roots, root)
		s.putters = append(s.putters, newPutter(s, root))
	}
	s.hub = &hub{store: s}
	return s
}

// partition returns which partition an address is in.
func (s *Store) partition(address string) int {
	if len(s.roots) == 1 {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(address))
	return int(h.Sum32() % uint32(len(s.roots)))
}

func (s *Store) isClosed() bool { return s.alive.Err() != nil }

// during returns a context that ends with ctx, with the store's patience, and when the
// store is closed.
func (s *Store) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.patience, errImpatient)
	stop := context.AfterFunc(s.alive, cancel)
	return ctx, func() { stop(); cancel() }
}

var errImpatient = errors.New("redis: no answer: see that it runs and can be reached")

// explain returns what a caller is told about err.
func (s *Store) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case s.isClosed() || errors.Is(err, goredis.ErrClosed):
		return errClosed
	case ctx.Err() == nil:
		return fmt.Errorf("redis: %w", err)
	case errors.Is(context.Cause(ctx), errImpatient):
		return fmt.Errorf("%w: %w", errImpatient, err)
	}
	return context.Cause(ctx)
}

// Close ends all sessions and lets go of Redis. See mailbox.Store.
func (s *Store) Close() error {
	if s.isClosed() {
		return nil
	}
	var errs []error
	for _, session := range s.all() {
		errs = append(errs, session.Close())
	}
	s.letGo()
	return errors.Join(errs...)
}

// letGo ends everything without a word to Redis.
func (s *Store) letGo() {
	s.end()
	s.hub.close()
	for _, p := range s.putters {
		p.close()
	}
	if s.mine {
		s.rdb.Close()
	}
}
