package redis_test

import (
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/storm"
	"github.com/troupe-go/troupe/mailbox/redis"
)

// TestClockJumps: when the clock of the server jumps, forwards so that all leases are
// over, or backwards, nothing is lost, and what comes again is marked.
func TestClockJumps(t *testing.T) {
	const senders, each, addresses = 4, 100, 5
	jumps := storm.Rounds(3)
	server := startServer(t)
	store := connect(t, server, redis.Lease(faults.Lease))
	c := storm.New(t)
	stop := c.Serve(store)
	wait := c.Senders(store, 0, senders, jumps*each, addresses)
	for i := range jumps {
		c.Until((i*senders + 1) * each)
		by := time.Hour
		if i%2 == 1 {
			by = -by
		}
		if err := store.JumpClock(t.Context(), by); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	c.Finish(jumps*senders*each, 0, jumps*addresses*storm.Window)
	stop()
}

// TestClockJumpsBackOfDead: a lease of a program that died does not last longer because
// the clock jumped back.
func TestClockJumpsBackOfDead(t *testing.T) {
	server := startServer(t)
	dead, living := connect(t, server, redis.Lease(faults.Lease)), connect(t, server, redis.Lease(faults.Lease))
	if err := living.Put(t.Context(), mailbox.Mail{Address: "/a"}); err != nil {
		t.Fatal(err)
	}
	session, err := dead.Serve(t.Context(), mailbox.Serving{})
	if err == nil {
		_, err = session.Next(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := living.JumpClock(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	dead.Crash()
	if session, err = living.Serve(t.Context(), mailbox.Serving{}); err == nil {
		_, err = session.Next(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
}

// TestServerFull: when the server has no memory left, a sender is told so, and what is
// there can be handled.
func TestServerFull(t *testing.T) {
	server := startServer(t)
	store := connect(t, server, redis.Lease(faults.Lease))
	c := storm.New(t)
	const letters = 50
	c.Send(t.Context(), store, 0, letters, 2)
	admin := goredis.NewClient(&goredis.Options{Addr: server.addr})
	defer admin.Close()
	if err := admin.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	err := store.Put(t.Context(), mailbox.Mail{Address: "/a"})
	if err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Put returned %v, want that there is no memory", err)
	}
	stop := c.Serve(store)
	c.Finish(letters, 0, 0)
	stop()
	if err := admin.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), mailbox.Mail{Address: "/a"}); err != nil {
		t.Error(err)
	}
	st, err := store.Addresses().Totals(t.Context())
	if err != nil || st.Waiting != 1 {
		t.Errorf("Totals returned %+v, %v; want one mail", st, err)
	}
}
