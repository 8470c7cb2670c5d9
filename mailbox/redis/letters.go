package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
)

// DeadLetters returns the mail that will not be handled: a stream for each partition.
func (s *Store) DeadLetters() mailbox.DeadLetters { return letters{s} }

type letters struct{ *Store }

// A letterKey is when a letter died, its number in that millisecond, and the partition.
type letterKey struct {
	ms, n uint64
	part  int
}

func (k letterKey) id() string     { return fmt.Sprintf("%d-%d", k.ms, k.n) }
func (k letterKey) String() string { return fmt.Sprintf("%d-%d-%d", k.ms, k.n, k.part) }

func (k letterKey) compare(o letterKey) int {
	return cmp.Or(cmp.Compare(k.ms, o.ms), cmp.Compare(k.n, o.n), cmp.Compare(k.part, o.part))
}

func (s letters) parse(key string) (letterKey, bool) {
	f := strings.Split(key, "-")
	if len(f) != 3 {
		return letterKey{}, false
	}
	ms, err := strconv.ParseUint(f[0], 10, 64)
	n, err2 := strconv.ParseUint(f[1], 10, 64)
	part, err3 := strconv.Atoi(f[2])
	return letterKey{ms, n, part}, err == nil && err2 == nil && err3 == nil && part >= 0 && part < len(s.roots)
}

// List returns dead letters, oldest first; see mailbox.DeadLetters.
func (s letters) List(ctx context.Context, q mailbox.Query) ([]mailbox.DeadLetter, error) {
	after, started := letterKey{}, false
	if q.After != "" {
		if after, started = s.parse(q.After); !started {
			return nil, fmt.Errorf("redis: %q is not the key of a dead letter", q.After)
		}
	}
	var keys []letterKey
	found := map[letterKey]mailbox.DeadLetter{}
	for part := range s.roots {
		from := "-"
		if started {
			from = "(" + after.id()
			if part > after.part {
				from = after.id()
			}
		}
		err := s.collect(ctx, part, from, q, func(k letterKey, d mailbox.DeadLetter) {
			keys = append(keys, k)
			found[k] = d
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(keys, letterKey.compare)
	var list []mailbox.DeadLetter
	for _, k := range keys[:min(len(keys), q.Most())] {
		list = append(list, found[k])
	}
	return list, nil
}

// collect calls f for the first letters of a partition that q asks for.
func (s letters) collect(ctx context.Context, part int, from string, q mailbox.Query, f func(letterKey, mailbox.DeadLetter)) error {
	for left := q.Most(); left > 0; {
		var entries []goredis.XMessage
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			entries, err = s.rdb.XRangeN(ctx, s.roots[part]+":dead", from, "+", page).Result()
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			from = "(" + e.ID
			k, ok := s.parse(e.ID + "-" + strconv.Itoa(part))
			d := deadLetter(k, e)
			if ok && left > 0 && q.Covers(d.Address) {
				f(k, d)
				left--
			}
		}
		if len(entries) < page {
			return nil
		}
	}
	return nil
}

func deadLetter(k letterKey, e goredis.XMessage) mailbox.DeadLetter {
	field := func(name string) string { v, _ := e.Values[name].(string); return v }
	m, err := mailbox.ParseMail([]byte(field("d")))
	if err != nil {
		m = mailbox.Mail{Body: []byte(field("d"))}
	}
	m.Address = field("a")
	count, _ := strconv.Atoi(field("c"))
	put, _ := strconv.ParseInt(field("p"), 10, 64)
	return mailbox.DeadLetter{
		Mail: m, Key: k.String(), Reason: field("r"), Count: count,
		Put: time.UnixMilli(put), Died: time.UnixMilli(int64(k.ms)),
	}
}

// Replay puts dead letters to their addresses again; see mailbox.DeadLetters.
func (s letters) Replay(ctx context.Context, keys ...string) (int, error) {
	return s.each(keys, func(part int, ids []any) (int, error) {
		n, err := s.eval(ctx, replayScript, s.roots[part], ids...)
		count, _ := n.(int64)
		return int(count), err
	})
}

// Purge forgets dead letters; see mailbox.DeadLetters.
func (s letters) Purge(ctx context.Context, keys ...string) (int, error) {
	return s.each(keys, func(part int, ids []any) (int, error) {
		names := make([]string, len(ids))
		for i := range ids {
			names[i], _ = ids[i].(string)
		}
		var n int64
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			n, err = s.rdb.XDel(ctx, s.roots[part]+":dead", names...).Result()
			return err
		})
		return int(n), err
	})
}

// each calls f for the keys of each partition and adds up.
func (s letters) each(keys []string, f func(int, []any) (int, error)) (int, error) {
	if s.isClosed() {
		return 0, errClosed
	}
	parts := make([][]any, len(s.roots))
	for _, key := range keys {
		if k, ok := s.parse(key); ok {
			parts[k.part] = append(parts[k.part], k.id())
		}
	}
	total := 0
	for part, ids := range parts {
		for chunk := range slices.Chunk(ids, mostMail) {
			n, err := f(part, chunk)
			if total += n; err != nil {
				return total, err
			}
		}
	}
	return total, nil
}
