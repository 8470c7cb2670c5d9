package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

// A clerk shares the partitions with other programs. What they agree on is in a
// key-value bucket, where each change says which one it follows:
//
//	member.<program>     renewed by each program as long as it lives
//	owner.<partition>    which program has it, and how far it has handed out mail
//	count.<partition>.<sequence>   how often a mail was handed out that comes again
//	stop.<address>       there as long as the address is stopped
type clerk struct {
	store *Store
	doing sync.WaitGroup
	kicks chan struct{}

	joining sync.Mutex // one joins or leaves at a time
	stop    context.CancelFunc
	gone    sync.WaitGroup // until the loops have ended

	mu      sync.Mutex
	name    string // as a member; "" if it is none, or has lost its lease
	before  string // the last one
	rev     uint64
	members map[string]member
	slots   []slot
	expiry  *time.Timer
}

// A member is another program.
type member struct {
	rev  uint64
	seen time.Time // when it was renewed last, by the clock of this program
}

// A slot is what is known of a partition.
type slot struct {
	record
	rev  uint64
	part *partition // if this program has it
}

// A record says who has a partition. Marks is, for each lane, up to where mail may have
// been handed out.
type record struct {
	Member   string    `json:"member"`
	Marks    [3]uint64 `json:"marks"`
	Consumer string    `json:"consumer"`
}

func (c *clerk) init(s *Store) {
	c.store, c.kicks = s, make(chan struct{}, 1)
	c.expiry = time.AfterFunc(time.Hour, c.lose)
	c.expiry.Stop()
}

// join makes the program a member, if it is none.
func (c *clerk) join(ctx context.Context) error {
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.stop != nil {
		return nil
	}
	s := c.store
	patient, cancel := s.during(ctx)
	defer cancel()
	if err := c.begin(patient); err != nil {
		return s.explain(patient, err)
	}
	return nil
}

func (c *clerk) begin(ctx context.Context) error {
	s := c.store
	c.mu.Lock()
	c.members, c.slots = map[string]member{}, make([]slot, s.partitions)
	c.mu.Unlock()
	if err := s.writer.start(); err != nil {
		return err
	}
	alive, stop := context.WithCancel(s.alive)
	watch, err := c.readAll(ctx)
	if err == nil && s.server != nil {
		err = c.dismissAll(ctx)
	}
	if err == nil {
		err = c.register(ctx)
	}
	if err != nil {
		stop()
		return err
	}
	c.stop = stop
	c.gone.Go(func() { c.watch(alive, watch) })
	c.gone.Go(func() { c.keep(alive) })
	c.gone.Go(func() { s.dues.run(alive) })
	c.kick()
	return nil
}

// dismissAll forgets members that a server of this program's own remembers: they ended
// with it.
func (c *clerk) dismissAll(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, m := range c.members {
		if err := c.store.state.Delete(ctx, "member."+name, js.LastRevision(m.rev)); err != nil {
			return err
		}
		delete(c.members, name)
	}
	return nil
}

// register takes a new name and a lease for it. What it had under the name before it has
// lost.
func (c *clerk) register(ctx context.Context) error {
	if c.before != "" {
		if err := c.store.state.Delete(ctx, "member."+c.before); err != nil {
			return err
		}
		c.hearMember(c.before, false, 0)
	}
	name, sent := newID(), time.Now()
	rev, err := c.store.state.Create(ctx, "member."+name, []byte("0"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name, c.rev, c.before = name, rev, name
	c.members[name] = member{rev, sent}
	c.expiry.Reset(time.Until(sent.Add(c.store.lease)))
	return nil
}

// hear takes a change of the bucket.
func (c *clerk) hear(e js.KeyValueEntry) {
	kind, name, _ := strings.Cut(e.Key(), ".")
	there := e.Operation() == js.KeyValuePut
	switch kind {
	case "stop":
		c.store.desk.stop(addressOf(name), there)
	case "member":
		c.hearMember(name, there, e.Revision())
	case "owner":
		var r record
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 || n >= len(c.slots) || there && json.Unmarshal(e.Value(), &r) != nil {
			return
		}
		c.hearOwner(n, r, e.Revision())
	}
}

func (c *clerk) hearMember(name string, there bool, rev uint64) {
	c.mu.Lock()
	mine := name == c.name
	_, known := c.members[name]
	if there {
		c.members[name] = member{rev, time.Now()}
	} else {
		delete(c.members, name)
	}
	c.mu.Unlock()
	switch {
	case mine && !there:
		c.lose()
	case known != there:
		c.kick() // the shares have changed
	}
}

func (c *clerk) hearOwner(n int, r record, rev uint64) {
	c.mu.Lock()
	sl := &c.slots[n]
	var lost *partition
	var boxes []*box
	if rev > sl.rev {
		sl.record, sl.rev = r, rev
		if sl.part != nil && r.Member != sl.part.member {
			lost, sl.part = sl.part, nil
			boxes = lost.forget()
		}
	}
	c.mu.Unlock()
	if lost != nil {
		lost.end(boxes)
	}
	if r.Member == "" {
		c.kick()
	}
}

func (c *clerk) kick() {
	select {
	case c.kicks <- struct{}{}:
	default:
	}
}

// keep renews the lease, finds out who is dead, and sees to it that each program has its
// share.
func (c *clerk) keep(ctx context.Context) {
	t := time.NewTicker(c.store.lease / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := c.renew(ctx); err != nil && ctx.Err() == nil {
				c.store.log(fmt.Errorf("jetstream: renewing a lease: %w", err))
			}
			c.bury(ctx)
		case <-c.kicks:
		}
		if err := c.share(ctx); err != nil && ctx.Err() == nil {
			c.store.log(fmt.Errorf("jetstream: taking a partition: %w", err))
		}
	}
}

// renew renews the lease once, or begins a new one.
func (c *clerk) renew(ctx context.Context) error {
	ctx, cancel := c.store.attempt(ctx)
	defer cancel()
	ctx, cancelSoon := context.WithTimeout(ctx, c.store.lease/2)
	defer cancelSoon()
	c.mu.Lock()
	name, rev, sent := c.name, c.rev, time.Now()
	c.mu.Unlock()
	if name == "" {
		return c.register(ctx)
	}
	next, err := c.store.state.Update(ctx, "member."+name, []byte("0"), rev)
	if wrongRevision(err) { // taken for dead, or renewed without an answer
		e, geterr := c.store.state.Get(ctx, "member."+name)
		if errors.Is(geterr, js.ErrKeyNotFound) {
			c.lose()
			return nil
		}
		if geterr != nil {
			return geterr
		}
		next, err = e.Revision(), nil
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.name == name {
		c.rev = next
		c.members[name] = member{next, sent}
		c.expiry.Reset(time.Until(sent.Add(c.store.lease)))
	}
	return nil
}

func wrongRevision(err error) bool {
	var api *js.APIError
	return errors.As(err, &api) && api.ErrorCode == js.JSErrCodeStreamWrongLastSequence || errors.Is(err, js.ErrKeyExists)
}

// bury removes members that have not renewed their lease: if that succeeds, they have
// lost it.
func (c *clerk) bury(ctx context.Context) {
	c.mu.Lock()
	var dead []string
	for name, m := range c.members {
		if name != c.name && time.Since(m.seen) > c.store.lease+c.store.lease/6 {
			dead = append(dead, name)
		}
	}
	c.mu.Unlock()
	for _, name := range dead {
		c.mu.Lock()
		rev := c.members[name].rev
		c.mu.Unlock()
		if c.store.state.Delete(ctx, "member."+name, js.LastRevision(rev)) == nil {
			c.hearMember(name, false, 0)
		}
	}
}

// lose gives up all partitions, because the lease has ended.
func (c *clerk) lose() {
	c.mu.Lock()
	c.name = ""
	lost := map[*partition][]*box{}
	for i := range c.slots {
		if p := c.slots[i].part; p != nil {
			lost[p] = p.forget()
			c.slots[i].part = nil
		}
	}
	c.mu.Unlock()
	for p, boxes := range lost {
		p.end(boxes)
	}
}
