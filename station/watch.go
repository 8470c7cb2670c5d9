package station

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// DefaultWatch is what a zero HighWater.Every stands for.
const DefaultWatch = 10 * time.Second

// HighWater says when a box is so full that people should know. The zero HighWater
// is never.
type HighWater struct {
	// Count is how much mail may wait at an address; zero is any number.
	Count int

	// Age is how long mail that is due may wait; zero is for ever.
	Age time.Duration

	// Hook is called when an address goes beyond one of the marks, and again
	// when it has been below both in the meantime. It is called by one
	// goroutine for each pattern, which waits for it.
	Hook func(s mailbox.Status)

	// Every is how often the addresses are looked at: those of the pattern
	// that have mail, or were stopped. Zero is DefaultWatch.
	Every time.Duration
}

// watchAll starts a watcher for each route that wants one.
func (r *run) watchAll() {
	for _, route := range r.table.routes {
		if w := route.opts.HighWater; w.Hook != nil && (w.Count > 0 || w.Age > 0) {
			r.helpers.Go(func() { r.watch(route) })
		}
	}
}

func (r *run) watch(route *route) {
	ticker := time.NewTicker(route.opts.HighWater.Every)
	defer ticker.Stop()
	high := make(map[string]bool)
	for {
		select {
		case <-ticker.C:
		case <-r.ctx.Done():
			return
		}
		if err := r.lookAt(r.ctx, route, high); err != nil && r.ctx.Err() == nil {
			r.report("addresses cannot be watched", route.pattern.text, err)
		}
	}
}

// watchPage is how many addresses are looked at in one go.
const watchPage = 10_000

// lookAt calls the hook for addresses that have gone beyond a mark; high holds
// those that had before.
func (r *run) lookAt(ctx context.Context, route *route, high map[string]bool) error {
	now := time.Now()
	still := make(map[string]bool)
	q := mailbox.Query{Prefix: route.pattern.prefix(), Limit: watchPage}
	for {
		list, err := r.station.storeFor(route).Addresses().List(ctx, q)
		if err != nil {
			return err
		}
		for _, s := range list {
			if r.table.find(s.Address) != route || !route.opts.HighWater.beyond(s, now) {
				continue
			}
			if still[s.Address] = true; !high[s.Address] {
				r.callHook(route, s)
			}
		}
		if len(list) < watchPage {
			break
		}
		q.After = list[len(list)-1].Address
	}
	clear(high)
	for address := range still {
		high[address] = true
	}
	return nil
}

func (r *run) callHook(route *route, s mailbox.Status) {
	defer func() {
		if v := recover(); v != nil {
			r.report("HighWater.Hook panicked", s.Address, &troupe.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	route.opts.HighWater.Hook(s)
}

func (w *HighWater) beyond(s mailbox.Status, now time.Time) bool {
	return w.Count > 0 && s.Waiting > w.Count || w.Age > 0 && !s.Oldest.IsZero() && now.Sub(s.Oldest) > w.Age
}
