package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

func countKey(partition int, seq uint64) string { return fmt.Sprintf("count.%d.%d", partition, seq) }

// writeCount writes down how often a mail was handed out.
func (s *Store) writeCount(ctx context.Context, partition int, seq uint64, count int) error {
	_, err := s.state.Put(ctx, countKey(partition, seq), []byte(strconv.Itoa(count)))
	return err
}

// forgetCount forgets the count of mail that has gone. That may be done late or never:
// a number is not used again.
func (s *Store) forgetCount(partition int, seq uint64) {
	go func() {
		ctx, cancel := context.WithTimeout(s.alive, 10*time.Second)
		defer cancel()
		_ = s.state.Purge(ctx, countKey(partition, seq))
	}()
}

// readCounts reads all counts of a partition.
func (s *Store) readCounts(ctx context.Context, partition int) (map[uint64]int, error) {
	w, err := s.state.Watch(ctx, fmt.Sprintf("count.%d.*", partition), js.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }()
	counts := map[uint64]int{}
	for {
		select {
		case e := <-w.Updates():
			if e == nil {
				return counts, nil
			}
			seq, err := strconv.ParseUint(e.Key()[strings.LastIndexByte(e.Key(), '.')+1:], 10, 64)
			count, err2 := strconv.Atoi(string(e.Value()))
			if err == nil && err2 == nil {
				counts[seq] = count
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// writeCounts writes down, before the partition is given away, how often mail was begun.
func (p *partition) writeCounts(ctx context.Context) error {
	d := &p.store.desk
	d.mu.Lock()
	var items []*item
	for _, a := range d.addrs {
		for i := range a.lanes {
			for _, it := range a.lanes[i].wait {
				if a.part == p && it.Tries > it.Ref.base {
					items = append(items, it)
				}
			}
		}
	}
	d.mu.Unlock()
	for _, it := range items {
		if it.Ref.seq <= p.suspect[it.Lane] && it.Tries == it.Ref.base+1 && it.Safe == it.Tries {
			continue // as it was found
		}
		if err := p.store.writeCount(ctx, p.n, it.Ref.seq, it.Tries); err != nil {
			return err
		}
	}
	return nil
}
