package redis_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/storm"
	"github.com/troupe-go/troupe/mailbox/redis"
)

// TestMain runs the tests, or is a program that they need.
func TestMain(m *testing.M) {
	storm.Main(faults.Open)
	os.Exit(m.Run())
}

var faults = storm.Faults{
	Server: func(t testing.TB) storm.Server { return startServer(t) },
	Open: func(addr string, lease time.Duration) (mailbox.Store, error) {
		return redis.Connect("redis://"+addr+"?read_timeout=400ms", redis.Lease(lease))
	},
	Lease: 600 * time.Millisecond,
	MinutesLater: func(ctx context.Context, s mailbox.Store) error {
		return s.(*redis.Store).JumpClock(ctx, time.Hour)
	},
}

// TestFaults kills the server, the network and programs.
func TestFaults(t *testing.T) { faults.Run(t) }
