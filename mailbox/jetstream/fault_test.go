package jetstream_test

import (
	"context"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/storm"
	"github.com/troupe-go/troupe/mailbox/jetstream"
)

var faults = storm.Faults{
	Server: func(t testing.TB) storm.Server { return startNats(t) },
	Open: func(addr string, lease time.Duration) (mailbox.Store, error) {
		return jetstream.Connect("nats://"+addr, jetstream.Lease(lease))
	},
	Lease: 1500 * time.Millisecond,
	MinutesLater: func(ctx context.Context, s mailbox.Store) error {
		return s.(*jetstream.Store).ForgetMembers(ctx)
	},
}

// TestFaults kills the server, the network and programs.
func TestFaults(t *testing.T) { faults.Run(t) }
