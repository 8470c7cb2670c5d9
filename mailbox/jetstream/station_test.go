package jetstream_test

import (
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/jetstream"
	"github.com/troupe-go/troupe/station/stationtest"
)

// TestStations runs stations on JetStream.
func TestStations(t *testing.T) {
	server := startNats(t)
	stationtest.Run(t, func(t *testing.T) stationtest.Place {
		opts := []jetstream.Option{jetstream.Prefix(jetstream.PrefixOf(t.Name())), jetstream.Lease(lease), jetstream.Partitions(4)}
		return stationtest.Place{
			Open:   func(t *testing.T) mailbox.Store { return connect(t, server, opts...) },
			Crash:  crash,
			Shared: true,
		}
	})
}
