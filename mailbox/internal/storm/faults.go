package storm

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// A Server is one in a process of its own, on which stores keep their mail. It ends with
// the test.
type Server interface {
	Addr() string // host and port
	Start(t testing.TB)
	Kill() // with SIGKILL; returns when it has gone
}

// Faults are what a store on a server has to survive.
type Faults struct {
	// Server starts a server that syncs always.
	Server func(t testing.TB) Server
	// Open opens the store on the server at an address.
	Open Opener
	// Lease is short, but not too short for a slow machine.
	Lease time.Duration
	// MinutesLater makes the leases of all who serve end.
	MinutesLater func(ctx context.Context, s mailbox.Store) error
}

// An Opener opens the store on the server at an address.
type Opener func(addr string, lease time.Duration) (mailbox.Store, error)

// Run runs the tests. The test binary's TestMain calls [Main].
func (f Faults) Run(t *testing.T) {
	t.Run("G70_ServerKilled", f.serverKilled)
	t.Run("G70_NetworkCut", f.networkCut)
	t.Run("G70_ProgramKilled", f.programKilled)
	t.Run("G70_TwoPrograms", f.twoPrograms)
}

func (f Faults) open(t *testing.T, addr string) mailbox.Store {
	t.Helper()
	s, err := f.Open(addr, f.Lease)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serverKilled: the server dies with SIGKILL in the middle and comes back.
func (f Faults) serverKilled(t *testing.T) {
	const senders, each, addresses = 4, 100, 5
	kills := Rounds(3)
	server := f.Server(t)
	store := f.open(t, server.Addr())
	c := New(t)
	stop := c.Serve(store)
	wait := c.Senders(store, 0, senders, kills*each, addresses)
	for i := range kills {
		c.Until((i*senders + 1) * each)
		server.Kill()
		server.Start(t)
	}
	wait()
	c.Finish(kills*senders*each, 0, kills*addresses*Window)
	stop()
}

// networkCut: the network to the server is cut, or silent for longer than a lease.
func (f Faults) networkCut(t *testing.T) {
	const senders, each, addresses = 4, 100, 5
	rounds := Rounds(2)
	proxy := newProxy(t, f.Server(t).Addr())
	store := f.open(t, proxy.addr)
	c := New(t)
	stop := c.Serve(store)
	wait := c.Senders(store, 0, senders, 2*rounds*each, addresses)
	for i := range rounds {
		c.Until((2*i*senders + 1) * each)
		proxy.cut()
		proxy.mend()
		c.Until(((2*i+1)*senders + 1) * each)
		proxy.hush()
		<-time.After(2 * f.Lease)
		proxy.speak()
	}
	wait()
	c.Finish(2*rounds*senders*each, 0, rounds*addresses*(Window+again))
	stop()
}

// programKilled: the program dies with SIGKILL between handling a letter and settling
// it, again and again. Each time, that letter comes again, and no other.
func (f Faults) programKilled(t *testing.T) {
	t.Parallel()
	const addresses = 3
	kills := Rounds(4)
	server := f.Server(t)
	store := f.open(t, server.Addr())
	c := New(t)
	programs := newPrograms(t, c, server.Addr())
	c.Senders(store, 0, 2, 60*kills, addresses)()
	for range kills {
		kill := programs.start(40, time.Minute)
		c.UntilHung()
		kill()
		if err := f.MinutesLater(t.Context(), store); err != nil {
			t.Fatal(err)
		}
	}
	programs.start(0, time.Minute)
	c.Finish(120*kills, kills, kills)
}

// twoPrograms: two programs serve the store, and each letter is handled once, until one
// of them is killed.
func (f Faults) twoPrograms(t *testing.T) {
	t.Parallel()
	const senders, each, addresses = 4, 200, 12
	server := f.Server(t)
	store := f.open(t, server.Addr())
	c := New(t)
	programs := newPrograms(t, c, server.Addr())
	kill := programs.start(0, 4*time.Second)
	programs.start(0, 4*time.Second)
	c.Senders(store, 0, senders, each, addresses)()
	c.Finish(senders*each, 0, 0)
	wait := c.Senders(store, senders, senders, each, addresses)
	c.Until(senders*each + each)
	kill()
	wait()
	// What was handled in the last milliseconds, at any address, had not been settled for good.
	c.Finish(2*senders*each, 0, addresses*Window)
}

// Serve handles the mail of a store until the test calls stop.
func (c *Count) Serve(s mailbox.Store) (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		err := handle(ctx, s, nil, func(d *mailbox.Delivery) { c.Note(d.Address, string(d.Body), d.Count) })
		if err != nil {
			c.t.Error("Serve:", err)
		}
	})
	return func() { cancel(); done.Wait() }
}

// Senders puts the letters of n senders, the first of which has a number, and returns what
// waits until they have been put.
func (c *Count) Senders(s mailbox.Store, first, n, each, addresses int) (wait func()) {
	var all sync.WaitGroup
	for sender := range n {
		all.Go(func() { c.Send(c.t.Context(), s, first+sender, each, addresses) })
	}
	return all.Wait
}
