package redis_test

import (
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/redis"
	"github.com/troupe-go/troupe/station/stationtest"
)

// TestStations runs stations on Redis.
func TestStations(t *testing.T) {
	server := startServer(t)
	stationtest.Run(t, func(t *testing.T) stationtest.Place {
		return stationtest.Place{
			Open: func(t *testing.T) mailbox.Store {
				return connect(t, server, redis.Prefix(t.Name()), redis.Lease(lease), redis.Partitions(3))
			},
			Crash:  crash,
			Shared: true,
		}
	})
}
