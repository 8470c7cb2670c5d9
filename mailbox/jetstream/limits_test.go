package jetstream_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/storm"
	"github.com/troupe-go/troupe/mailbox/jetstream"
)

// within is a store in a server in this program that may store so many bytes.
func within(t *testing.T, dir string, most int64) (store *jetstream.Store, end func()) {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir, JetStreamMaxStore: most,
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the nats-server did not start")
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err == nil {
		store, err = jetstream.New(nc)
	}
	if err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		store.Close()
		nc.Close()
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	t.Cleanup(end)
	return store, end
}

// TestServerFull: when the server may not store more, a sender is told so at once. Nothing
// is lost, and all is handled when there is room.
func TestServerFull(t *testing.T) {
	const letters = 50
	dir := t.TempDir()
	store, end := within(t, dir, 1<<20)
	c := storm.New(t)
	c.Send(t.Context(), store, 0, letters, 2)
	large := mailbox.Mail{Address: "/large", Body: make([]byte, 100<<10)}
	put, err := 0, error(nil)
	for ; err == nil && put < 20; put++ {
		err = store.Put(t.Context(), large)
	}
	if err == nil || !strings.Contains(err.Error(), "insufficient") {
		t.Fatalf("Put returned %v after %d large mails, want that there is no room", err, put)
	}
	end()

	store, _ = within(t, dir, 1<<30)
	st, err := store.Addresses().Status(t.Context(), "/large")
	if err != nil || st.Waiting != put-1 {
		t.Errorf("Status is %+v, %v; want %d mails", st, err, put-1)
	}
	if err := store.Addresses().Stop(t.Context(), "/large"); err != nil {
		t.Fatal(err)
	}
	stop := c.Serve(store)
	c.Finish(letters, 0, 0)
	stop()
}

// TestTooLarge: mail that is larger than the store takes is refused, and what came before
// it in the same call and what comes after it is not harmed.
func TestTooLarge(t *testing.T) {
	store := openDir(t, t.TempDir(), jetstream.Largest(1<<20))
	huge := mailbox.Mail{Address: "/a", Body: make([]byte, 1<<20+1)}
	if err := store.Put(t.Context(), mailbox.Mail{Address: "/a"}, huge); !errors.Is(err, mailbox.ErrTooLarge) {
		t.Errorf("Put returned %v, want ErrTooLarge", err)
	}
	fits := mailbox.Mail{Address: "/b", Body: make([]byte, 1<<20-64)}
	if err := store.Put(t.Context(), fits); err != nil {
		t.Error(err)
	}
	if st, err := store.Addresses().Totals(t.Context()); err != nil || st.Waiting < 1 || st.Waiting > 2 {
		t.Errorf("Totals returned %+v, %v", st, err)
	}
}
