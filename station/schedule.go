package station

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Schedules are mail themselves: each lies at an address of its own, as delayed
// mail that when it is due sends what it is there for, and itself again for the
// next time. So they are as safe as other mail in their store. The times of a plan
// are the same for whoever works them out, and mail is named after them: two that
// do the same work, after a crash or because a program that is started again
// schedules everything again, make one mail.

const schedulePrefix = "/~schedule/"

func isSchedule(address string) bool { return strings.HasPrefix(address, schedulePrefix) }

// An entry is the mail of a schedule.
type entry struct {
	Define   bool      // it says what the schedule is from now on; else it is a time that has come
	At       time.Time // which
	Plan     string    // "" for no schedule any more
	Address  string
	Encoding string
	Body     []byte
	Value    any `json:"-"` // in stores that keep values
}

func (e *entry) same(f *entry) bool {
	return e.Plan == f.Plan && e.Address == f.Address && e.Encoding == f.Encoding &&
		bytes.Equal(e.Body, f.Body) && reflect.DeepEqual(e.Value, f.Value)
}

// Schedule sends body to address again and again, as planned: "@every 5m", at
// multiples of five minutes; "@hourly", "@daily", "@weekly", "@monthly", "@yearly";
// or five fields in the manner of cron, "30 9 * * mon-fri", in local time, or in
// that of another place: "TZ=Europe/Berlin 30 9 * * *". name names the schedule: a
// program that is started again can schedule everything again, and a schedule with
// the name of another at the same store replaces it.
//
// Schedules lie in the store of the address, and last as long as mail there does.
// Times that pass while nobody serves the store come once, late. [Station.Stop]
// with [ScheduleAddress] halts a schedule, [Unschedule] ends it. It returns what
// is wrong with the plan, and what [Tell] returns.
func Schedule[T any](ctx context.Context, s *Station, name, plan, address string, body T) error {
	if _, err := parsePlan(plan); err != nil {
		return fmt.Errorf("station: the plan %q: %w", plan, err)
	}
	m, route, err := envelope(s, nil, address, body)
	if err != nil {
		return err
	}
	e := entry{Define: true, Plan: plan, Address: address, Encoding: m.Encoding, Body: m.Body, Value: m.Value}
	return s.putEntry(ctx, s.storeFor(route), ScheduleAddress(name), e)
}

// Unschedule ends a schedule, in all stores of the station. That there is none is
// no error. In a store that keeps no state (see [mailbox.Ledger]) one more mail of
// it may come if the program ends before its next time.
func Unschedule(ctx context.Context, s *Station, name string) error {
	seen := make(map[mailbox.Store]bool)
	for _, store := range s.table.Load().stores(s) {
		if !seen[store] {
			seen[store] = true
			if err := s.putEntry(ctx, store, ScheduleAddress(name), entry{Define: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ScheduleAddress returns the address of a schedule, for [Station.Stop] and
// [Station.Start].
func ScheduleAddress(name string) string { return schedulePrefix + name }

// putEntry sends an entry to its schedule.
func (s *Station) putEntry(ctx context.Context, store mailbox.Store, to string, e entry, opts ...SendOption) error {
	m := mailbox.Mail{Address: to}
	if _, values := store.(mailbox.ValueStore); values {
		m.Value = e
	} else {
		var err error
		if m.Encoding, m.Body, err = mailbox.Encode(nil, e); err != nil {
			return err
		}
	}
	for _, o := range opts {
		o(&m)
	}
	if c := within(ctx); c != nil && c.step != nil && isSchedule(c.r.address) {
		return c.step.post(store, m)
	}
	return store.Put(ctx, m)
}

// scheduleRoute returns how the schedules of a store are served; keeps says that
// its boxes are ledgers.
func (s *Station) scheduleRoute(store mailbox.Store, keeps bool) *route {
	p, _ := parsePattern(schedulePrefix + "{name...}")
	r := &route{pattern: p, opts: Options{
		Store: store, Codec: mailbox.JSON{}, Atomic: keeps, Retry: Retry{Attempts: -1},
	}}
	if !keeps {
		r.opts.Idle = 100 * 365 * 24 * time.Hour // the actor is all that knows what the schedule is now
	}
	r.bind = &bindingOf[entry]{codec: mailbox.JSON{}, newActor: func(string) (Actor[entry], error) {
		return &schedule{station: s, store: store, keeps: keeps}, nil
	}}
	s.complete(r)
	return r
}

// A schedule is the actor of one. What it is lies in the ledger if it keeps its state.
type schedule struct {
	station *Station
	store   mailbox.Store
	keeps   bool
	now     *entry // what it is; nil if that is not known, or known to be nothing
}

// Handle sends what is to be sent, and what it will get itself next.
func (k *schedule) Handle(ctx context.Context, m Mail[entry]) error {
	if err := k.recall(ctx); err != nil {
		return err
	}
	e := m.Body
	after := time.Now()
	switch {
	case e.Define:
		if err := k.set(ctx, e); err != nil || e.Plan == "" {
			return err
		}
	case k.now == nil && k.keeps, k.now != nil && !k.now.same(&e):
		return nil // of a schedule that was ended or replaced
	default:
		if err := k.send(ctx, m.Address, e); err != nil {
			return err
		}
		if e.At.After(after) {
			after = e.At // clocks differ
		}
	}
	p, err := parsePlan(e.Plan)
	if err != nil {
		return Reject(err)
	}
	next := p.next(after)
	if next.IsZero() {
		return nil
	}
	e.Define, e.At = false, next
	return k.station.putEntry(ctx, k.store, m.Address, e, At(next), ID(tickID(m.Address, &e)))
}

// tickID names a time of a schedule, and what is done then.
func tickID(schedule string, e *entry) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%#v", e.Plan, e.Address, e.Encoding, e.Body, e.Value)
	return fmt.Sprintf("%s@%s#%x", strings.TrimPrefix(schedule, schedulePrefix), e.At.UTC().Format(time.RFC3339Nano), h.Sum64())
}

// send sends the mail that the schedule is there for.
func (k *schedule) send(ctx context.Context, schedule string, e entry) error {
	route, err := k.station.routeTo(e.Address)
	if err != nil {
		return err
	}
	out := mailbox.Mail{
		Address: e.Address, Encoding: e.Encoding, Body: e.Body, Value: e.Value,
		From: schedule, ID: tickID(schedule, &e),
	}
	if route != nil {
		out.Limit, out.Full = route.opts.Capacity, route.opts.Full
	}
	return k.station.put(ctx, within(ctx), route, out)
}

// recall finds out what the schedule is.
func (k *schedule) recall(ctx context.Context) error {
	if k.now != nil || !k.keeps {
		return nil
	}
	e, found, err := Load[entry](ctx)
	if found {
		k.now = &e
	}
	return err
}

// set makes e what the schedule is.
func (k *schedule) set(ctx context.Context, e entry) error {
	k.now = &e
	if !k.keeps {
		return nil
	}
	if e.Plan == "" {
		k.now = nil
		return Forget(ctx)
	}
	return Save(ctx, e)
}
