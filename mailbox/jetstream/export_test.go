package jetstream

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// Crash ends the store as if its program had been killed, now or so long ago that its
// lease is over; its server, if it has one, ends in good order.
func (s *Store) Crash(longAgo bool) {
	for _, x := range s.desk.all() {
		x.closed.Do(x.end)
	}
	s.closed.Do(func() {
		s.clerk.mu.Lock()
		name := s.clerk.name
		s.clerk.mu.Unlock()
		bucket := s.prefix + "_STATE"
		url := s.nc.ConnectedUrl()
		s.letGo()
		switch {
		case s.server != nil:
			s.server.Shutdown()
			s.server.WaitForShutdown()
			s.lock.release()
		case longAgo && name != "":
			forget(url, bucket, "member."+name)
		}
	})
}

// forget deletes a key, over a connection of its own.
func forget(url, bucket, key string) {
	nc, err := nats.Connect(url)
	if err != nil {
		return
	}
	defer nc.Close()
	j, _ := js.New(nc)
	if kv, err := j.KeyValue(context.Background(), bucket); err == nil {
		kv.Delete(context.Background(), key)
	}
}

// ForgetLeases makes the others think that the store's lease is over.
func (s *Store) ForgetLeases(ctx context.Context) error {
	s.clerk.mu.Lock()
	name := s.clerk.name
	s.clerk.mu.Unlock()
	return s.state.Delete(ctx, "member."+name)
}

// ForgetMembers makes the store's programs find that the leases of all of them are over.
func (s *Store) ForgetMembers(ctx context.Context) error {
	keys, err := s.state.ListKeysFiltered(ctx, "member.*")
	if err != nil {
		return err
	}
	defer keys.Stop()
	for key := range keys.Keys() {
		if err := s.state.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// PrefixOf returns a prefix for the streams of a test.
func PrefixOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}
