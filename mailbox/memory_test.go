package mailbox_test

import (
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
)

func TestMemory(t *testing.T) {
	mailboxtest.Run(t, func(*testing.T) mailboxtest.Place {
		return mailboxtest.Place{Open: func(*testing.T) mailbox.Store { return mailbox.NewMemory() }}
	})
}
