package jetstream

import (
	"context"
	"fmt"

	"github.com/troupe-go/troupe/mailbox/internal/held"
	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// A loader makes safe that mail is handed out, fetches mail that the program did not
// keep, and gives boxes back.
type loader struct {
	store  *Store
	rounds rounds
	bumps  []bump
	loads  map[*box]bool
	frees  []release
}

// A bump is mail of a box that is to be handed out once more.
type bump struct {
	box   *box
	items []*item
}

func (l *loader) init(s *Store) {
	l.store, l.loads = s, map[*box]bool{}
	l.rounds.init()
}

func (l *loader) bump(b *box, items []*item) {
	l.rounds.add(func() { l.bumps = append(l.bumps, bump{b, items}) })
}

func (l *loader) load(b *box) { l.rounds.add(func() { l.loads[b] = true }) }

func (l *loader) release(r release) { l.rounds.add(func() { l.frees = append(l.frees, r) }) }

func (l *loader) run() {
	s := l.store
	for {
		select {
		case <-s.alive.Done():
			return
		case <-l.rounds.wake:
		}
		var bumps []bump
		var loads map[*box]bool
		var frees []release
		for l.rounds.take(func() {
			bumps, loads, frees = l.bumps, l.loads, l.frees
			l.bumps, l.loads, l.frees = nil, map[*box]bool{}, nil
		}) {
			l.safe(bumps)
			for _, f := range frees {
				s.desk.giveBack(f.box, f.later)
			}
			for b := range loads {
				l.fetch(b)
			}
			l.rounds.end()
		}
	}
}

// safe writes down how often mail was handed out, before it is. New mail needs no more
// than a mark for the whole partition: up to here. The count of other mail is written
// down for each.
func (l *loader) safe(bumps []bump) {
	marks := map[*partition]*[held.Lanes]uint64{}
	for _, b := range bumps {
		p := b.box.part
		for _, it := range b.items {
			if it.Tries == it.Ref.base && it.Ref.tag == 0 {
				if marks[p] == nil {
					marks[p] = &[held.Lanes]uint64{}
				}
				marks[p][it.Lane] = max(marks[p][it.Lane], it.Ref.seq)
			}
		}
	}
	failed := map[*partition]bool{}
	for p, mark := range marks {
		failed[p] = !l.insist(p, func(ctx context.Context) error { return p.mark(ctx, *mark) })
	}
	for _, b := range bumps {
		p := b.box.part
		for _, it := range b.items {
			if failed[p] {
				break
			}
			if it.Tries == it.Ref.base && it.Ref.tag == 0 {
				it.Ref.safe = it.Tries + 1
				continue
			}
			failed[p] = !l.insist(p, func(ctx context.Context) error { return l.store.writeCount(ctx, p.n, it.Ref.seq, it.Tries+1) })
			if !failed[p] {
				it.Ref.safe, it.Ref.tag = it.Tries+1, 1
			}
		}
		if !failed[p] { // else the mail is not to be handed out any more
			b.box.queue.Bumped(b.items)
		}
	}
}

// insist does f until it succeeds, or the partition is lost or the store closed; false
// if so.
func (l *loader) insist(p *partition, f func(context.Context) error) bool {
	s := l.store
	pause := retry.NewPause()
	for !p.lost.Load() {
		ctx, cancel := s.attempt(s.alive)
		err := f(ctx)
		cancel()
		if err == nil {
			return true
		}
		if s.alive.Err() != nil {
			return false
		}
		s.log(fmt.Errorf("jetstream: before mail is handed out: %w", err))
		if !pause.Wait(s.alive) {
			return false
		}
	}
	return false
}

// fetch gets mail for a box that the server has delivered before and the program did not
// keep.
func (l *loader) fetch(b *box) {
	d := &l.store.desk
	want := b.queue.Want()
	for i := range want {
		d.mu.Lock()
		a := b.addr
		ln := &a.lanes[i]
		from, skipped := ln.from, ln.skipped && a.box == b
		d.mu.Unlock()
		if !skipped || want[i] == 0 {
			continue
		}
		var got []*item
		l.insist(b.part, func(ctx context.Context) (err error) {
			got, err = b.part.fetch(ctx, a.name, i, from, want[i])
			return err
		})
		d.mu.Lock()
		if b.part.lost.Load() || a.box != b {
			d.mu.Unlock()
			continue
		}
		if n := len(got); n > 0 {
			ln.from = got[n-1].Ref.seq + 1
			ln.seen = max(ln.seen, ln.from-1)
		}
		if len(got) < want[i] || ln.from > ln.seen {
			// The stream has no more; what was delivered since is in it.
			ln.skipped = len(got) > 0 && ln.from <= ln.seen
		}
		for _, it := range got {
			b.part.known[it.Ref.seq] = true
		}
		then := b.queue.Insert(got, a.behind())
		d.mu.Unlock()
		then()
	}
}
