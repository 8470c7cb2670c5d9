package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
)

// Addresses returns what people need to know and change about addresses.
func (s *Store) Addresses() mailbox.Addresses { return addresses{s} }

type addresses struct{ *Store }

// Stop stops an address; see mailbox.Addresses.
func (s addresses) Stop(ctx context.Context, address string) error {
	if err := s.mark(ctx, address, 1); err != nil {
		return err
	}
	s.stopped(address)
	return nil
}

// Start starts an address; see mailbox.Addresses.
func (s addresses) Start(ctx context.Context, address string) error { return s.mark(ctx, address, 0) }

func (s addresses) mark(ctx context.Context, address string, stop int) error {
	if err := mailbox.CheckAddress(address); err != nil {
		return err
	}
	_, err := s.eval(ctx, stopScript, s.roots[s.partition(address)], address, stop)
	return err
}

// Status returns what is known of an address; see mailbox.Addresses.
func (s addresses) Status(ctx context.Context, address string) (mailbox.Status, error) {
	if err := mailbox.CheckAddress(address); err != nil {
		return mailbox.Status{}, err
	}
	list, err := s.statuses(ctx, s.partition(address), []string{address})
	if err != nil {
		return mailbox.Status{}, err
	}
	return list[0], nil
}

// statuses returns the Status of addresses of one partition.
func (s addresses) statuses(ctx context.Context, part int, names []string) ([]mailbox.Status, error) {
	s.settled(ctx)
	args := make([]any, len(names))
	for i, a := range names {
		args[i] = a
	}
	reply, err := s.eval(ctx, statusScript, s.roots[part], args...)
	if err != nil {
		return nil, err
	}
	list := make([]mailbox.Status, len(names))
	rows, _ := reply.([]any)
	for i, row := range rows {
		var n [4]int64
		for k, v := range row.([]any) {
			n[k], _ = v.(int64)
		}
		list[i] = mailbox.Status{Address: names[i], Waiting: int(n[0]), Delayed: int(n[1]), Stopped: n[2] == 1}
		if n[3] > 0 {
			list[i].Oldest = time.UnixMilli(n[3])
		}
	}
	return list, nil
}

// List returns the Status of addresses; see mailbox.Addresses.
func (s addresses) List(ctx context.Context, q mailbox.Query) ([]mailbox.Status, error) {
	s.settled(ctx)
	var list []mailbox.Status
	for part := range s.roots {
		names, err := s.names(ctx, part, q)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			continue
		}
		statuses, err := s.statuses(ctx, part, names)
		if err != nil {
			return nil, err
		}
		list = append(list, statuses...)
	}
	slices.SortFunc(list, func(a, b mailbox.Status) int { return cmp.Compare(a.Address, b.Address) })
	return list[:min(len(list), q.Most())], nil
}

// names returns the first addresses of a partition that q asks for, in order: those
// with mail and those that are stopped.
func (s addresses) names(ctx context.Context, part int, q mailbox.Query) ([]string, error) {
	var names []string
	prefix := strings.TrimSuffix(q.Prefix, "/")
	for _, set := range []string{":boxes", ":stops"} {
		ranges := []goredis.ZRangeBy{{Min: "[" + prefix + "/", Max: "(" + prefix + "0"}} // "0" comes after "/"
		if prefix != "" {
			ranges = append(ranges, goredis.ZRangeBy{Min: "[" + prefix, Max: "[" + prefix})
		}
		for _, r := range ranges {
			if q.After != "" && q.After >= r.Min[1:] {
				r.Min = "(" + q.After
			}
			r.Count = int64(q.Most())
			err := s.insist(ctx, func(ctx context.Context) error {
				found, err := s.rdb.ZRangeByLex(ctx, s.roots[part]+set, &r).Result()
				names = append(names, found...)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), q.Most())], nil
}

// settled waits until what this program has settled has been counted.
func (s addresses) settled(ctx context.Context) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	for _, x := range s.all() {
		_ = x.turns.settled(ctx) // or else the numbers are a moment old
	}
}

// Totals adds everything up; see mailbox.Addresses.
func (s addresses) Totals(ctx context.Context) (mailbox.Totals, error) {
	s.settled(ctx)
	var t mailbox.Totals
	for _, root := range s.roots {
		err := s.insist(ctx, func(ctx context.Context) error {
			pipe := s.rdb.Pipeline()
			boxes, stops := pipe.ZCard(ctx, root+":boxes"), pipe.ZCard(ctx, root+":stops")
			dead, sum := pipe.XLen(ctx, root+":dead"), pipe.HGetAll(ctx, root+":sum")
			if _, err := pipe.Exec(ctx); err != nil {
				return err
			}
			waiting, _ := strconv.Atoi(sum.Val()["waiting"])
			delayed, _ := strconv.Atoi(sum.Val()["delayed"])
			t.Addresses += int(boxes.Val())
			t.Stopped += int(stops.Val())
			t.DeadLetters += int(dead.Val())
			t.Waiting += waiting
			t.Delayed += delayed
			return nil
		})
		if err != nil {
			return mailbox.Totals{}, err
		}
	}
	return t, nil
}
