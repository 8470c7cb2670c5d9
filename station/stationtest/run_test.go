package stationtest_test

import (
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station/stationtest"
)

func TestMemory(t *testing.T) {
	stationtest.Run(t, func(t *testing.T) stationtest.Place {
		return stationtest.Place{Open: func(*testing.T) mailbox.Store { return mailbox.NewMemory() }}
	})
}

// TestBytes is memory as a store that keeps bytes.
func TestBytes(t *testing.T) {
	stationtest.Run(t, func(t *testing.T) stationtest.Place {
		return stationtest.Place{Open: func(*testing.T) mailbox.Store {
			m := mailbox.NewMemory()
			return struct {
				mailbox.Store
				mailbox.Answers
			}{m, m}
		}}
	})
}
