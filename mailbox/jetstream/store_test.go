package jetstream_test

import (
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/jetstream"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
)

// lease is short, so that others hear soon of what they can have.
const lease = 1500 * time.Millisecond

func connect(t testing.TB, s *natsServer, opts ...jetstream.Option) *jetstream.Store {
	t.Helper()
	store, err := jetstream.Connect(s.url(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// crash ends a store as if its program had been killed some time ago.
func crash(t *testing.T, s mailbox.Store) {
	s.(*jetstream.Store).Crash(true)
}

func lose(t *testing.T, s mailbox.Store) {
	if err := s.(*jetstream.Store).ForgetLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestStore runs the tests that every store runs, against a server in a process of its
// own, each with streams of its own.
func TestStore(t *testing.T) {
	t.Parallel() // most of the time it waits for the disk
	server := startNats(t)
	mailboxtest.Run(t, func(t *testing.T) mailboxtest.Place {
		opts := []jetstream.Option{jetstream.Prefix(jetstream.PrefixOf(t.Name())), jetstream.Lease(lease), jetstream.Partitions(4)}
		return mailboxtest.Place{
			Open:         func(t *testing.T) mailbox.Store { return connect(t, server, opts...) },
			Crash:        crash,
			Lose:         lose,
			Shared:       true,
			LargeBody:    9 << 20,
			NoDropOldest: true,
			MarksAhead:   true,
		}
	})
}
