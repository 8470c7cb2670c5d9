package jetstream

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox"
)

// Addresses returns what people need to know and change about addresses.
func (s *Store) Addresses() mailbox.Addresses { return addresses{s} }

type addresses struct{ *Store }

// Stop stops an address; see mailbox.Addresses.
func (s addresses) Stop(ctx context.Context, address string) error {
	return s.change(ctx, address, true, func(ctx context.Context, key string) error {
		_, err := s.state.Put(ctx, key, []byte("1"))
		return err
	})
}

// Start starts an address; see mailbox.Addresses.
func (s addresses) Start(ctx context.Context, address string) error {
	return s.change(ctx, address, false, func(ctx context.Context, key string) error {
		if _, err := s.state.Get(ctx, key); errors.Is(err, js.ErrKeyNotFound) {
			return nil
		}
		return s.state.Delete(ctx, key)
	})
}

func (s addresses) change(ctx context.Context, address string, stopped bool, f func(context.Context, string) error) error {
	if s.isClosed() {
		return errClosed
	}
	if err := mailbox.CheckAddress(address); err != nil {
		return err
	}
	ctx, cancel := s.during(ctx)
	defer cancel()
	if err := s.insist(ctx, func(ctx context.Context) error { return f(ctx, "stop."+tokens(address)) }); err != nil {
		return err
	}
	s.desk.stop(address, stopped)
	return nil
}

// look does f, which only reads, when what this program has settled has been counted.
func (s addresses) look(ctx context.Context, f func(context.Context) error) error {
	if s.isClosed() {
		return errClosed
	}
	ctx, cancel := s.during(ctx)
	defer cancel()
	_ = s.writer.settle(ctx) // or else the numbers are a moment old
	return s.insist(ctx, f)
}

// Status returns what is known of an address; see mailbox.Addresses.
func (s addresses) Status(ctx context.Context, address string) (st mailbox.Status, err error) {
	if err := mailbox.CheckAddress(address); err != nil {
		return st, err
	}
	err = s.look(ctx, func(ctx context.Context) error {
		st, err = s.status(ctx, address)
		return err
	})
	return st, err
}

func (s addresses) status(ctx context.Context, address string) (mailbox.Status, error) {
	st, err := s.count(ctx, address)
	if err != nil {
		return st, err
	}
	_, err = s.state.Get(ctx, "stop."+tokens(address))
	st.Stopped = err == nil
	if err != nil && !errors.Is(err, js.ErrKeyNotFound) {
		return st, err
	}
	if st.Waiting > st.Delayed {
		st.Oldest, err = s.oldest(ctx, address)
		return st, err
	}
	return st, nil
}

// count counts the mail of an address.
func (s *Store) count(ctx context.Context, address string) (mailbox.Status, error) {
	st := mailbox.Status{Address: address}
	part := strconv.Itoa(partitionOf(address, s.partitions))
	mail, err := s.subjects(ctx, s.mail, s.prefix+".mail."+part+".*."+tokens(address))
	if err != nil {
		return st, err
	}
	later, err := s.subjects(ctx, s.later, s.prefix+".later."+part+".*."+tokens(address))
	for _, n := range later {
		st.Delayed += int(n)
	}
	st.Waiting = st.Delayed
	for _, n := range mail {
		st.Waiting += int(n)
	}
	return st, err
}

// subjects returns how many messages there are on each subject of a stream that matches.
func (s *Store) subjects(ctx context.Context, stream js.Stream, subject string) (map[string]uint64, error) {
	info, err := stream.Info(ctx, js.WithSubjectFilter(subject))
	if err != nil {
		return nil, err
	}
	return info.State.Subjects, nil
}

// oldest returns when the first mail in the stream of an address was put.
func (s *Store) oldest(ctx context.Context, address string) (time.Time, error) {
	subject := s.prefix + ".mail." + strconv.Itoa(partitionOf(address, s.partitions)) + ".*." + tokens(address)
	got, err := s.get(ctx, s.mail, subject, 1, 1)
	if err != nil || len(got) == 0 {
		return time.Time{}, err
	}
	if ns, err := strconv.ParseInt(got[0].header.Get(putHeader), 10, 64); err == nil {
		return time.Unix(0, ns), nil
	}
	return got[0].at, nil
}

// List returns the Status of addresses; see mailbox.Addresses. It counts all of them
// that q.Prefix covers, whatever q.Limit is.
func (s addresses) List(ctx context.Context, q mailbox.Query) (list []mailbox.Status, err error) {
	err = s.look(ctx, func(ctx context.Context) error {
		list, err = s.list(ctx, q)
		return err
	})
	return list, err
}

func (s addresses) list(ctx context.Context, q mailbox.Query) ([]mailbox.Status, error) {
	found := map[string]*mailbox.Status{}
	at := func(address string) *mailbox.Status {
		if found[address] == nil {
			found[address] = &mailbox.Status{Address: address}
		}
		return found[address]
	}
	if err := s.countBelow(ctx, q.Prefix, at); err != nil {
		return nil, err
	}
	list := make([]mailbox.Status, 0, len(found))
	for address, st := range found {
		if q.Covers(address) && address > q.After {
			list = append(list, *st)
		}
	}
	slices.SortFunc(list, func(a, b mailbox.Status) int { return cmp.Compare(a.Address, b.Address) })
	list = list[:min(len(list), q.Most())]
	for i := range list {
		if list[i].Waiting > list[i].Delayed {
			var err error
			if list[i].Oldest, err = s.oldest(ctx, list[i].Address); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// countBelow counts the mail of all addresses that are prefix or lie below it, and finds
// those that are stopped.
func (s addresses) countBelow(ctx context.Context, prefix string, at func(string) *mailbox.Status) error {
	for _, subject := range below(s.prefix+".mail.*.*.", prefix) {
		mail, err := s.subjects(ctx, s.mail, subject)
		if err != nil {
			return err
		}
		for subject, n := range mail {
			address, _, _ := s.parseSubject(subject)
			at(address).Waiting += int(n)
		}
	}
	for _, subject := range below(s.prefix+".later.*.*.", prefix) {
		later, err := s.subjects(ctx, s.later, subject)
		if err != nil {
			return err
		}
		for subject, n := range later {
			address, _, _ := s.parseSubject(subject)
			at(address).Waiting += int(n)
			at(address).Delayed += int(n)
		}
	}
	return s.stopped(ctx, below("stop.", prefix), func(address string) { at(address).Stopped = true })
}

// stopped calls f for all addresses that are stopped.
func (s addresses) stopped(ctx context.Context, filters []string, f func(address string)) error {
	keys, err := s.state.ListKeysFiltered(ctx, filters...)
	if err != nil {
		return err
	}
	defer func() { _ = keys.Stop() }()
	for key := range keys.Keys() {
		f(addressOf(strings.TrimPrefix(key, "stop.")))
	}
	return nil
}

// Totals adds everything up; see mailbox.Addresses.
func (s addresses) Totals(ctx context.Context) (t mailbox.Totals, err error) {
	err = s.look(ctx, func(ctx context.Context) error {
		t, err = s.totals(ctx)
		return err
	})
	return t, err
}

func (s addresses) totals(ctx context.Context) (t mailbox.Totals, err error) {
	seen := map[string]bool{}
	for _, stream := range []js.Stream{s.mail, s.later} {
		subjects, err := s.subjects(ctx, stream, ">")
		if err != nil {
			return t, err
		}
		for subject, n := range subjects {
			address, _, _ := s.parseSubject(subject)
			seen[address] = true
			t.Waiting += int(n)
			if stream == s.later {
				t.Delayed += int(n)
			}
		}
	}
	t.Addresses = len(seen)
	info, err := s.dead.Info(ctx)
	if err != nil {
		return t, err
	}
	t.DeadLetters = int(info.State.Msgs)
	return t, s.stopped(ctx, []string{"stop.>"}, func(string) { t.Stopped++ })
}
