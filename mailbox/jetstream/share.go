package jetstream

import (
	"context"
	"errors"
	"sync"
)

// share takes partitions that nobody has, and gives away what is more than the
// program's share and not in use.
func (c *clerk) share(ctx context.Context) error {
	c.mu.Lock()
	name := c.name
	var free []int
	var mine []*partition
	for n := range c.slots {
		sl := &c.slots[n]
		switch _, alive := c.members[sl.Member]; {
		case sl.part != nil:
			mine = append(mine, sl.part)
		case !alive:
			free = append(free, n)
		}
	}
	share := 0
	if len(c.members) > 0 {
		share = (len(c.slots) + len(c.members) - 1) / len(c.members)
	}
	c.mu.Unlock()
	if name == "" {
		return nil
	}
	for _, p := range mine[:max(len(mine)-share, 0)] {
		if err := p.handOver(ctx); err != nil {
			return err
		}
	}
	var errs []error
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, n := range free[:min(len(free), max(share-len(mine), 0))] {
		wg.Go(func() {
			ctx, cancel := c.store.attempt(ctx)
			defer cancel()
			if err := c.takeOver(ctx, name, n); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// leave gives all partitions back and ends the membership.
func (c *clerk) leave() {
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.stop == nil {
		return
	}
	c.stop()
	c.stop = nil
	c.gone.Wait()
	c.expiry.Stop()
	ctx, cancel := c.store.during(context.Background())
	defer cancel()
	c.mu.Lock()
	name := c.name
	var parts []*partition
	for i := range c.slots {
		if c.slots[i].part != nil {
			parts = append(parts, c.slots[i].part)
		}
	}
	c.mu.Unlock()
	for _, p := range parts {
		_ = p.handOver(ctx) // on an error the end of the lease does it
	}
	c.lose()
	if name != "" {
		_ = c.store.state.Delete(ctx, "member."+name) // likewise
	}
}

func (c *clerk) parts() (all []*partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.slots {
		if c.slots[i].part != nil {
			all = append(all, c.slots[i].part)
		}
	}
	return all
}

// disconnected stops reading: what comes first on a new connection may be behind what
// was lost with the old one.
func (c *clerk) disconnected() {
	parts := c.parts()
	for _, p := range parts {
		p.rewind()
	}
	c.store.line.lost() // nobody waits for the server any more
	for _, p := range parts {
		p.pause()
	}
}

// reconnected reads again, from the first mail that was not acknowledged.
func (c *clerk) reconnected() {
	for _, p := range c.parts() {
		go p.resume()
	}
}
