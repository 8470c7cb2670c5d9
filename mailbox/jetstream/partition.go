package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// A partition is a part of the addresses, while this program has it. A consumer delivers
// its mail to the program.
type partition struct {
	store  *Store
	n      int
	member string // as which the program has it
	lost   atomic.Bool

	boxes   int             // addresses that sessions own; guarded by the desk
	leaving bool            // gives out no more addresses; guarded by the desk
	known   map[uint64]bool // mail that the program holds; guarded by the desk
	settled map[uint64]bool // mail that has gone and may be delivered once more; likewise
	at      uint64          // how far the consumer has come since it began; likewise

	beginning int            // how often it has begun; likewise
	behind    bool           // the server has more; likewise
	begun     bool           // it has been behind before, or was not; likewise
	late      map[*addr]bool // addresses that are not offered as long as it is behind; likewise

	consumer string             // its name
	suspect  [held.Lanes]uint64 // up to where mail may have been handed out by those before
	counts   map[uint64]int     // how often, if that is known

	mu    sync.Mutex
	marks [held.Lanes]uint64 // as they are written down
	last  time.Time          // when
	ahead uint64             // how much further than necessary
	rev   uint64
	ack   string // an acknowledgement, as a pattern

	reading sync.Mutex // guards what follows
	stop    context.CancelFunc
	readers sync.WaitGroup
}

// takeOver takes a partition that nobody has.
func (c *clerk) takeOver(ctx context.Context, name string, n int) error {
	s := c.store
	c.mu.Lock()
	sl := c.slots[n]
	c.mu.Unlock()
	r := record{Member: name, Marks: sl.Marks, Consumer: fmt.Sprintf("%s_%d_%s", s.prefix, n, newID())}
	rev, err := s.writeRecord(ctx, n, r, sl.rev)
	if wrongRevision(err) {
		return nil // somebody else was quicker
	}
	if err != nil {
		return err
	}
	p := &partition{
		store: s, n: n, member: name, known: map[uint64]bool{}, settled: map[uint64]bool{}, late: map[*addr]bool{},
		consumer: r.Consumer, rev: rev, marks: sl.Marks,
	}
	if err := p.dismiss(ctx, sl.Consumer); err != nil {
		return err
	}
	info, err := s.mail.Info(ctx)
	if err != nil {
		return err
	}
	for i := range p.suspect {
		p.suspect[i] = min(sl.Marks[i], info.State.LastSeq)
	}
	if p.counts, err = s.readCounts(ctx, n); err != nil {
		return err
	}
	c.mu.Lock()
	if c.name != name || c.slots[n].rev > rev {
		c.mu.Unlock()
		return nil
	}
	c.slots[n] = slot{r, rev, p}
	c.mu.Unlock()
	if err := p.read(ctx); err != nil {
		c.drop(p)
		return err
	}
	s.dues.taken(n)
	return nil
}

// drop forgets a partition.
func (c *clerk) drop(p *partition) {
	c.mu.Lock()
	if c.slots[p.n].part == p {
		c.slots[p.n].part = nil
		c.slots[p.n].Member = ""
	}
	boxes := p.forget()
	c.mu.Unlock()
	p.end(boxes)
}

func (s *Store) writeRecord(ctx context.Context, n int, r record, rev uint64) (uint64, error) {
	b, _ := json.Marshal(r) // strings and numbers
	key := "owner." + strconv.Itoa(n)
	if rev == 0 {
		return s.state.Create(ctx, key, b)
	}
	return s.state.Update(ctx, key, b, rev)
}

// mark writes down up to where mail is handed out. When that is needed often, it writes
// down more than is needed.
func (p *partition) mark(ctx context.Context, marks [held.Lanes]uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	need := false
	for i := range marks {
		need = need || marks[i] > p.marks[i]
	}
	if !need {
		return nil
	}
	if now := time.Now(); now.Sub(p.last) < 20*time.Millisecond {
		p.ahead = min(max(2*p.ahead, 8), 512)
	} else {
		p.ahead = 0
	}
	r := record{Member: p.member, Marks: p.marks, Consumer: p.consumer}
	for i := range marks {
		if marks[i] > p.marks[i] {
			r.Marks[i] = marks[i] + p.ahead
		}
	}
	rev, err := p.store.writeRecord(ctx, p.n, r, p.rev)
	if wrongRevision(err) {
		return p.reread(ctx)
	}
	if err == nil {
		p.rev, p.marks, p.last = rev, r.Marks, time.Now()
	}
	return err
}

// reread finds out whether the partition was lost, or a write had no answer.
func (p *partition) reread(ctx context.Context) error {
	e, err := p.store.state.Get(ctx, "owner."+strconv.Itoa(p.n))
	var r record
	if err == nil {
		err = json.Unmarshal(e.Value(), &r)
	}
	if err != nil {
		return err
	}
	if r.Member != p.member {
		go p.store.clerk.drop(p)
		return mailbox.ErrLost
	}
	p.rev, p.marks = e.Revision(), r.Marks
	return errors.New("the record had been written without an answer")
}

// covered reports whether a first hand-out of mail is safe already.
func (p *partition) covered(lane int, seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return seq <= p.marks[lane]
}

// forget takes all addresses of the partition from the desk, and returns the boxes that
// somebody has of them. The clerk's lock is held: nobody takes the partition over before.
func (p *partition) forget() (boxes []*box) {
	p.lost.Store(true)
	d := &p.store.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, a := range d.addrs {
		if a.part == p {
			if a.box != nil {
				boxes = append(boxes, a.box)
			}
			for i := range a.lanes {
				d.holds -= len(a.lanes[i].wait)
			}
			delete(d.addrs, name)
		}
	}
	return boxes
}

// end ends what goes on for a partition that was lost.
func (p *partition) end(boxes []*box) {
	for _, b := range boxes {
		b.lose()
	}
	go p.pause() // it may be waiting for the server
}

// handOver gives the partition away, if none of its addresses has an owner.
func (p *partition) handOver(ctx context.Context) error {
	s, d := p.store, &p.store.desk
	d.mu.Lock()
	if p.boxes > 0 {
		d.mu.Unlock()
		return nil
	}
	p.leaving = true
	d.mu.Unlock()
	p.pause()
	p.readers.Wait()
	err := s.writer.rounds.settled(ctx, s.alive)
	if err == nil {
		err = p.writeCounts(ctx)
	}
	if err == nil {
		p.mu.Lock()
		_, err = s.writeRecord(ctx, p.n, record{Marks: p.suspect, Consumer: p.consumer}, p.rev)
		p.mu.Unlock()
	}
	if err != nil && !wrongRevision(err) {
		d.mu.Lock()
		p.leaving = false
		d.mu.Unlock()
		go p.resume()
		return err
	}
	s.clerk.drop(p)
	return nil
}
