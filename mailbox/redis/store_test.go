package redis_test

import (
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
	"github.com/troupe-go/troupe/mailbox/redis"
)

// lease is short, so that others hear soon of what they can have.
const lease = 1500 * time.Millisecond

func connect(t testing.TB, s *server, opts ...redis.Option) *redis.Store {
	t.Helper()
	store, err := redis.Connect(s.url(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// crash ends a store as if its program had been killed some time ago.
func crash(t *testing.T, s mailbox.Store) {
	lose(t, s)
	s.(*redis.Store).Crash()
}

func lose(t *testing.T, s mailbox.Store) {
	if err := s.(*redis.Store).ForgetLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestStore runs the tests that every store runs, each with keys of its own.
func TestStore(t *testing.T) {
	server := startServer(t)
	for _, c := range []struct {
		name string
		more []redis.Option
	}{{"OnePartition", nil}, {"ThreePartitions", []redis.Option{redis.Partitions(3)}}} {
		t.Run(c.name, func(t *testing.T) {
			mailboxtest.Run(t, func(t *testing.T) mailboxtest.Place {
				opts := append([]redis.Option{redis.Prefix(t.Name()), redis.Lease(lease), redis.Largest(4 << 20)}, c.more...)
				return mailboxtest.Place{
					Open:      func(t *testing.T) mailbox.Store { return connect(t, server, opts...) },
					Crash:     crash,
					Lose:      lose,
					Shared:    true,
					LargeBody: 5 << 20,
				}
			})
		})
	}
}
