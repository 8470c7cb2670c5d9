package bolt

import (
	"path/filepath"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
)

func place(t *testing.T, opts ...Option) mailboxtest.Place {
	path := filepath.Join(t.TempDir(), "mail.db")
	return mailboxtest.Place{
		Open: func(t *testing.T) mailbox.Store {
			t.Helper()
			s, err := Open(path, append([]Option{Largest(4 << 20)}, opts...)...)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Crash:     func(t *testing.T, s mailbox.Store) { s.(*Store).shut() },
		LargeBody: 4 << 20,
	}
}

func TestStore(t *testing.T) {
	mailboxtest.Run(t, func(t *testing.T) mailboxtest.Place { return place(t) })
}

func TestStoreNoSync(t *testing.T) {
	mailboxtest.Run(t, func(t *testing.T) mailboxtest.Place { return place(t, NoSync()) })
}
