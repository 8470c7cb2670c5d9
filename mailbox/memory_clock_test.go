package mailbox_test

import (
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
)

func TestMemoryClockJumps(t *testing.T) {
	mailboxtest.ClockJumps(t, func(_ *testing.T, wall mailboxtest.Wall) mailbox.Store {
		return mailbox.NewMemory(mailbox.WallClock(wall))
	})
}
