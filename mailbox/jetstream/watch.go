package jetstream

import (
	"context"
	"fmt"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// readAll reads what is in the bucket, and returns what tells of changes.
func (c *clerk) readAll(ctx context.Context) (js.KeyWatcher, error) {
	w, err := c.store.state.WatchFiltered(c.store.alive, []string{"member.*", "owner.*", "stop.>"})
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for {
		select {
		case e := <-w.Updates():
			if e == nil {
				c.forget(there)
				return w, nil
			}
			there[e.Key()] = e.Operation() == js.KeyValuePut
			c.hear(e)
		case <-ctx.Done():
			_ = w.Stop()
			return nil, ctx.Err()
		}
	}
}

// forget forgets members and stops that have gone while nobody told of it.
func (c *clerk) forget(there map[string]bool) {
	var gone []string
	c.mu.Lock()
	for name := range c.members {
		if !there["member."+name] && name != c.name { // its own it renews
			gone = append(gone, name)
		}
	}
	c.mu.Unlock()
	for _, name := range gone {
		c.hearMember(name, false, 0)
	}
	for _, address := range c.store.desk.stopped() {
		if !there["stop."+tokens(address)] {
			c.store.desk.stop(address, false)
		}
	}
}

// watch hears of changes. After each loss of the connection it reads all again.
func (c *clerk) watch(ctx context.Context, w js.KeyWatcher) {
	s := c.store
	for {
		c.listen(ctx, w)
		pause := retry.NewPause()
		for w = nil; w == nil; {
			if ctx.Err() != nil || s.connected(ctx) != nil {
				return
			}
			attempt, cancel := s.attempt(ctx)
			next, err := c.readAll(attempt)
			cancel()
			if err == nil {
				w = next
				break
			}
			s.log(fmt.Errorf("jetstream: watching other programs: %w", err))
			if !pause.Wait(ctx) {
				return
			}
		}
	}
}

// listen hears of changes until the connection is lost.
func (c *clerk) listen(ctx context.Context, w js.KeyWatcher) {
	defer func() { _ = w.Stop() }()
	lost := c.store.line.holds().Done()
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok {
				return
			}
			if e != nil {
				c.hear(e)
			}
		case <-lost:
			return
		case <-ctx.Done():
			return
		}
	}
}
