package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// Crash ends the store as if its program had been killed.
func (s *Store) Crash() {
	for _, x := range s.all() {
		x.closed.Do(func() {
			x.end()
			x.turns.end()
		})
	}
	s.letGo()
}

// ForgetLeases makes Redis think that the leases of the store's sessions are over.
func (s *Store) ForgetLeases(ctx context.Context) error {
	for _, x := range s.all() {
		for _, root := range s.roots {
			if err := s.rdb.ZAdd(ctx, root+":sessions", goredis.Z{Score: 1, Member: x.called()}).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}
