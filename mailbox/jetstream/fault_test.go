package jetstream_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/storm"
	"github.com/troupe-go/troupe/mailbox/jetstream"
)

// runProgram serves the store at a URL until it is killed.
func runProgram(url, lease, hang string) {
	n, _ := strconv.Atoi(hang)
	d, _ := time.ParseDuration(lease)
	store, err := jetstream.Connect(url, jetstream.Lease(d))
	if err == nil {
		err = storm.Program(store, os.Stdout, n)
	}
	fmt.Fprintln(os.Stderr, "the program ended:", err)
	os.Exit(1)
}

const faultLease = 1500 * time.Millisecond

// serving handles mail until the test calls stop.
func serving(t *testing.T, store mailbox.Store, c *storm.Count) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		err := storm.Serve(ctx, store, nil, func(d *mailbox.Delivery) { c.Note(d.Address, string(d.Body), d.Count) })
		if err != nil {
			t.Error("Serve:", err)
		}
	})
	return func() { cancel(); done.Wait() }
}

// sending puts letters, and returns what waits until they have been put.
func sending(t *testing.T, store mailbox.Store, c *storm.Count, first, senders, each, addresses int) (wait func()) {
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() { c.Send(t.Context(), store, first+sender, each, addresses) })
	}
	return wg.Wait
}

// TestG70_ServerKilled: the server dies with SIGKILL in the middle and comes back.
func TestG70_ServerKilled(t *testing.T) {
	const senders, each, addresses = 4, 100, 5
	kills := storm.Rounds(3)
	server := startNats(t)
	store := connect(t, server, jetstream.Lease(faultLease))
	c := storm.New(t)
	stop := serving(t, store, c)
	wait := sending(t, store, c, 0, senders, kills*each, addresses)
	for i := range kills {
		c.Until((i*senders + 1) * each)
		server.kill()
		server.start(t)
	}
	wait()
	c.Finish(kills*senders*each, 0, kills*addresses*storm.Window)
	stop()
}

// TestG70_NetworkCut: the network to the server is cut, or silent for longer than a lease.
func TestG70_NetworkCut(t *testing.T) {
	const senders, each, addresses = 4, 100, 5
	rounds := storm.Rounds(1)
	server := startNats(t)
	proxy := storm.NewProxy(t, "127.0.0.1:"+server.port)
	store, err := jetstream.Connect("nats://"+proxy.Addr, jetstream.Lease(faultLease))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c := storm.New(t)
	stop := serving(t, store, c)
	wait := sending(t, store, c, 0, senders, 2*rounds*each, addresses)
	for i := range rounds {
		c.Until((2*i*senders + 1) * each)
		proxy.Cut()
		proxy.Mend()
		c.Until(((2*i+1)*senders + 1) * each)
		proxy.Hush()
		<-time.After(2 * faultLease)
		proxy.Speak()
	}
	wait()
	c.Finish(2*rounds*senders*each, 0, 2*rounds*addresses*storm.Window)
	stop()
}

// TestG70_ProgramKilled: the program dies with SIGKILL between handling a letter and
// settling it, again and again. Each time, that letter comes again, and no other.
func TestG70_ProgramKilled(t *testing.T) {
	t.Parallel()
	const addresses = 3
	kills := storm.Rounds(4)
	server := startNats(t)
	store := connect(t, server)
	c := storm.New(t)
	programs := storm.NewPrograms(t, c)
	sending(t, store, c, 0, 2, 60*kills, addresses)()
	for range kills {
		kill := programs.Start(40, server.url(), "1m")
		c.UntilHung()
		kill()
		if err := store.ForgetMembers(t.Context()); err != nil { // a minute later
			t.Fatal(err)
		}
	}
	programs.Start(0, server.url(), "1m")
	c.Finish(120*kills, kills, kills)
}

// TestG70_TwoPrograms: two programs serve the store, and each letter is handled once,
// until one of them is killed.
func TestG70_TwoPrograms(t *testing.T) {
	t.Parallel()
	const senders, each, addresses = 4, 200, 12
	server := startNats(t)
	store := connect(t, server)
	c := storm.New(t)
	programs := storm.NewPrograms(t, c)
	kill := programs.Start(0, server.url(), "2s")
	programs.Start(0, server.url(), "2s")
	sending(t, store, c, 0, senders, each, addresses)()
	c.Finish(senders*each, 0, 0)
	wait := sending(t, store, c, senders, senders, each, addresses)
	c.Until(senders*each + each)
	kill()
	wait()
	// What was handled in the last milliseconds, at any address, had not been settled for good.
	c.Finish(2*senders*each, 0, addresses*storm.Window)
}
