package station

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// patience is how long Stop and Start wait for a store.
const patience = 30 * time.Second

// Stop stops an address by hand: its mail waits, whatever arrives, until
// [Station.Start]; also when all programs are started again, if the store is one
// that lasts. What its handler has in work is finished. It returns what
// [mailbox.Addresses.Stop] returns, and waits for the store for half a minute at
// most. That an address below it goes on is no contradiction: each has its own mail.
func (s *Station) Stop(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	store, err := s.storeAt(address)
	if err != nil {
		return err
	}
	if r := s.run.Load(); r != nil {
		if res := r.residents.find(address); res != nil {
			res.stopping.Store(true)
			defer res.stopping.Store(false)
		}
	}
	return store.Addresses().Stop(ctx, address)
}

// Start lets an address go on that was stopped. A gate that was closed is asked
// again: at once, or, if the store is shared with other programs, after
// [Options.GateWait]. Errors are those of Stop.
func (s *Station) Start(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	store, err := s.storeAt(address)
	if err != nil {
		return err
	}
	return store.Addresses().Start(ctx, address)
}

// Flush returns when everything that handlers have done so far is safe in the
// stores: what was acknowledged does not come again. Nobody has to call it. It
// returns nil at once if the station does not run, mailbox.ErrLost if some of it
// came too late because an address has got another owner, and what else
// [mailbox.Session.Flush] returns.
func (s *Station) Flush(ctx context.Context) error {
	r := s.run.Load()
	if r == nil {
		return nil
	}
	var errs []error
	for _, seat := range r.seats {
		errs = append(errs, seat.session.Flush(ctx))
	}
	return errors.Join(errs...)
}

func (s *Station) storeAt(address string) (mailbox.Store, error) {
	if err := mailbox.CheckAddress(address); err != nil {
		return nil, err
	}
	return s.storeFor(s.table.Load().find(address)), nil
}

// Info tells of an address what the station knows.
type Info struct {
	mailbox.Status
	Pattern string // that it matches; "" if none does
	Here    bool   // this station has an actor for it
	Working bool   // which handles mail now, or is about to
}

// Info returns what is known of one address. It returns what the store returns.
func (s *Station) Info(ctx context.Context, address string) (Info, error) {
	store, err := s.storeAt(address)
	if err != nil {
		return Info{}, err
	}
	status, err := store.Addresses().Status(ctx, address)
	return s.infoOf(status), err
}

func (s *Station) infoOf(status mailbox.Status) Info {
	n := Info{Status: status}
	if route := s.table.Load().find(n.Address); route != nil {
		n.Pattern = route.pattern.text
	}
	if r := s.run.Load(); r != nil {
		if res := r.residents.find(n.Address); res != nil {
			n.Here = res.work() != nil
			turn := res.turn.Load()
			n.Working = turn != atRest && turn != departed
		}
	}
	return n
}

// Subtree returns what is known of root and the addresses below it, in the order
// of their bytes: addresses that have mail or were stopped, those that have an
// actor here, and those of patterns without a wildcard. "/" or "" is the root of
// all. An address of which there is nothing to know is not in the list, not even
// root. It returns what a store returns.
func (s *Station) Subtree(ctx context.Context, root string) ([]Info, error) {
	q := mailbox.Query{Prefix: root, Limit: watchPage}
	found := make(map[string]mailbox.Status)
	for _, store := range s.allStores() {
		for {
			list, err := store.Addresses().List(ctx, q)
			if err != nil {
				return nil, err
			}
			for _, status := range list {
				found[status.Address] = status
			}
			if len(list) < watchPage {
				break
			}
			q.After = list[len(list)-1].Address
		}
		q.After = ""
	}
	know := func(address string) {
		if _, known := found[address]; !known && q.Covers(address) {
			found[address] = mailbox.Status{Address: address}
		}
	}
	for _, route := range s.table.Load().routes {
		if route.pattern.prefix() == route.pattern.text {
			know(route.pattern.text)
		}
	}
	if r := s.run.Load(); r != nil {
		for res := range r.residents.all() {
			know(res.address)
		}
	}
	nodes := make([]Info, 0, len(found))
	for _, address := range slices.Sorted(maps.Keys(found)) {
		if !strings.HasPrefix(address, "/~") || strings.HasPrefix(root, "/~") {
			nodes = append(nodes, s.infoOf(found[address]))
		}
	}
	return nodes, nil
}

// Children returns the addresses one step below address that the station knows of
// (see [Station.Subtree]), or that lead to such: "/shop/cart/42" makes "/shop/cart"
// a child of "/shop".
func (s *Station) Children(ctx context.Context, address string) ([]string, error) {
	nodes, err := s.Subtree(ctx, address)
	prefix := strings.TrimSuffix(address, "/") + "/"
	var children []string
	for _, n := range nodes {
		rest, below := strings.CutPrefix(n.Address, prefix)
		if !below {
			continue
		}
		name, _ := cutSegment(rest)
		if child := prefix + name; len(children) == 0 || children[len(children)-1] != child {
			children = append(children, child)
		}
	}
	slices.Sort(children)
	return slices.Compact(children), err
}

// allStores returns each store of the station once.
func (s *Station) allStores() []mailbox.Store {
	stores := []mailbox.Store{s.store}
	for _, route := range s.table.Load().routes {
		if store := s.storeFor(route); !slices.Contains(stores, store) {
			stores = append(stores, store)
		}
	}
	return stores
}

// DeadLetters returns mail that will not be handled, of root and all addresses below
// it, the oldest first, at most limit of each store; a limit of zero is
// mailbox.DefaultLimit. It returns what a store returns.
func (s *Station) DeadLetters(ctx context.Context, root string, limit int) ([]mailbox.DeadLetter, error) {
	var all []mailbox.DeadLetter
	for _, store := range s.allStores() {
		some, err := store.DeadLetters().List(ctx, mailbox.Query{Prefix: root, Limit: limit})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b mailbox.DeadLetter) int { return a.Died.Compare(b.Died) })
	return all, nil
}

// Replay sends dead letters to their addresses again, as if they had never been
// delivered, and returns how many there were. It returns what a store returns.
func (s *Station) Replay(ctx context.Context, letters ...mailbox.DeadLetter) (int, error) {
	return s.eachLetter(letters, func(d mailbox.DeadLetters, keys []string) (int, error) {
		return d.Replay(ctx, keys...)
	})
}

// Purge forgets dead letters for good, and returns how many there were. It returns
// what a store returns.
func (s *Station) Purge(ctx context.Context, letters ...mailbox.DeadLetter) (int, error) {
	return s.eachLetter(letters, func(d mailbox.DeadLetters, keys []string) (int, error) {
		return d.Purge(ctx, keys...)
	})
}

// eachLetter calls f with the letters of each store.
func (s *Station) eachLetter(letters []mailbox.DeadLetter, f func(mailbox.DeadLetters, []string) (int, error)) (n int, err error) {
	keys := make(map[mailbox.Store][]string)
	for _, l := range letters {
		store := s.storeFor(s.table.Load().find(l.Address))
		keys[store] = append(keys[store], l.Key)
	}
	for store, some := range keys {
		done, e := f(store.DeadLetters(), some)
		n += done
		err = errors.Join(err, e)
	}
	return n, err
}
