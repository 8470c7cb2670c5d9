package redis

import (
	"context"
	"time"

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

// JumpClock makes Redis find the leases of all sessions as if its clock had jumped.
func (s *Store) JumpClock(ctx context.Context, by time.Duration) error {
	for _, root := range s.roots {
		names, err := s.rdb.ZRange(ctx, root+":sessions", 0, -1).Result()
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.rdb.ZIncrBy(ctx, root+":sessions", -float64(by.Milliseconds()), name).Err(); err != nil {
				return err
			}
		}
	}
	return nil
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
