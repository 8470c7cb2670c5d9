package jetstream_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/jetstream"
	"github.com/troupe-go/troupe/mailbox/mailboxtest"
)

func openDir(t testing.TB, dir string, opts ...jetstream.Option) *jetstream.Store {
	t.Helper()
	store, err := jetstream.Open(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// TestStoreInside runs the tests that every store runs with a server in this program.
func TestStoreInside(t *testing.T) {
	t.Parallel()
	mailboxtest.Run(t, func(t *testing.T) mailboxtest.Place {
		dir := t.TempDir()
		return mailboxtest.Place{
			Open: func(t *testing.T) mailbox.Store {
				return openDir(t, dir, jetstream.Lease(lease), jetstream.Partitions(4), jetstream.Largest(4<<20))
			},
			Crash:        crash,
			LargeBody:    5 << 20,
			NoDropOldest: true,
			MarksAhead:   true,
		}
	})
}

// TestOpenOnce: a folder belongs to one program at a time, which can share it.
func TestOpenOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "Open")
	addr := freeAddr(t)
	store := openDir(t, dir, jetstream.Listen(addr))
	if _, err := jetstream.Open(dir); !errors.Is(err, mailbox.ErrInUse) {
		t.Errorf("the second Open returned %v, want ErrInUse", err)
	}
	other, err := jetstream.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Put(t.Context(), mailbox.Mail{Address: "/a"}); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if st, err := store.Addresses().Status(t.Context(), "/a"); err != nil || st.Waiting != 1 {
		t.Errorf("Status is %+v, %v; want one mail", st, err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	again := openDir(t, dir)
	if st, err := again.Addresses().Status(t.Context(), "/a"); err != nil || st.Waiting != 1 {
		t.Errorf("after another Open, Status is %+v, %v; want one mail", st, err)
	}
}

// TestCannotOpen: errors say what is wrong.
func TestCannotOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := jetstream.Open(file); err == nil {
		t.Error("a file was opened as a folder")
	}
	if _, err := jetstream.Open(t.TempDir(), jetstream.Listen("nowhere")); err == nil {
		t.Error("a server listens nowhere")
	}
	if _, err := jetstream.Connect("nats://" + freeAddr(t)); err == nil {
		t.Error("connected to nobody")
	}
}
