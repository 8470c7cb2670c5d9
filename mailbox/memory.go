package mailbox

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe"
)

// Memory is a Store that keeps mail as Go values in memory, where it is lost with
// the program. An address without mail takes no memory. Make one with
// [NewMemory]. It is also a [ValueStore],
// [Answers] and [States], and its boxes are [Ledger]s.
type Memory struct {
	limit    int // for mail without a Limit of its own
	full     troupe.Overflow
	remember time.Duration
	wall     func() time.Time
	start    time.Time // rests are counted from here, by the clock that nobody sets

	shards [shards]shard
	seed   maphash.Seed
	clock  coarseClock
	desk   desk
	dead   deadBox
	local  LocalAnswers
	closed atomic.Bool
}

// keepBoxes is of how many boxes an empty map may have been made.
const keepBoxes = 64

// shards is how many parts the addresses are in, each with its lock.
const shards = 64

type shard struct {
	mu     sync.RWMutex
	boxes  map[string]*box
	most   int // boxes since the map was made
	ids    idMemory
	states map[string][]byte
	_      [32]byte
}

// A MemoryOption changes how a Memory is made.
type MemoryOption func(*Memory)

// Bounded limits the mail that waits at each address to n, if the mail itself
// brings no limit; when says what a Put to a full address does. What was fetched
// does not count.
func Bounded(n int, when troupe.Overflow) MemoryOption {
	return func(m *Memory) { m.limit, m.full = max(n, 1), when }
}

// Remember sets how long the IDs of mail are remembered; the default is ten
// minutes.
func Remember(d time.Duration) MemoryOption { return func(m *Memory) { m.remember = d } }

// DeadLetterLimit sets how many dead letters are kept; the oldest go first. The
// default is 10,000.
func DeadLetterLimit(n int) MemoryOption { return func(m *Memory) { m.dead.limit = max(n, 0) } }

// WallClock sets what tells the time of the day by which delayed mail is due; the
// default is [time.Now].
func WallClock(now func() time.Time) MemoryOption { return func(m *Memory) { m.wall = now } }

// DefaultRemember is how long stores remember the IDs of mail unless told otherwise.
const DefaultRemember = 10 * time.Minute

// NewMemory returns an empty Memory.
func NewMemory(opts ...MemoryOption) *Memory {
	m := &Memory{seed: maphash.MakeSeed(), remember: DefaultRemember, wall: time.Now, start: time.Now()}
	m.dead.limit = 10_000
	for _, o := range opts {
		o(m)
	}
	m.clock.wall = m.wall
	m.desk.store = m
	return m
}

func (m *Memory) shard(address string) *shard {
	return &m.shards[maphash.String(m.seed, address)%shards]
}

// lockBox returns the box of an address, made on first use, with its lock held.
func (m *Memory) lockBox(address string) *box {
	s := m.shard(address)
	for {
		s.mu.RLock()
		b := s.boxes[address]
		s.mu.RUnlock()
		if b == nil {
			b = s.make(m, address)
		}
		b.mu.Lock()
		if !b.gone {
			return b
		}
		b.mu.Unlock()
	}
}

func (s *shard) make(m *Memory, address string) *box {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.boxes[address]; b != nil {
		return b
	}
	if s.boxes == nil {
		s.boxes = make(map[string]*box)
	}
	b := &box{store: m, address: address}
	s.boxes[address] = b
	s.most = max(s.most, len(s.boxes))
	return b
}

// sweepAndUnlock forgets a box that holds nothing. The box's lock is held, and
// free on return.
func (b *box) sweepAndUnlock() {
	if b.owner != nil || b.stopped || b.queued || b.waiters() || b.count() > 0 {
		b.mu.Unlock()
		return
	}
	b.gone = true
	b.mu.Unlock()
	s := b.store.shard(b.address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boxes[b.address] == b {
		delete(s.boxes, b.address)
	}
	if len(s.boxes) == 0 && s.most > keepBoxes {
		s.boxes, s.most = nil, 0 // a map does not get smaller by itself
	}
}

// PutValue puts mail that has nothing but an address and a value; see [Store.Put].
func (m *Memory) PutValue(ctx context.Context, address string, value any) error {
	if m.limit > 0 {
		return m.Put(ctx, Mail{Address: address, Value: value})
	}
	b, err := m.boxFor(address)
	if err != nil {
		return err
	}
	b.pushAndUnlock(item{value: value, lane: normalLane})
	return nil
}

// boxFor is lockBox for an address that somebody wrote.
func (m *Memory) boxFor(address string) (*box, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	s := m.shard(address)
	s.mu.RLock()
	b := s.boxes[address]
	s.mu.RUnlock()
	if b != nil {
		if b.mu.Lock(); !b.gone {
			return b, nil
		}
		b.mu.Unlock()
	}
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	return m.lockBox(address), nil
}

// Put puts mail; see [Store.Put].
func (m *Memory) Put(ctx context.Context, mail ...Mail) error {
	for i := range mail {
		if err := m.putOne(ctx, &mail[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) putOne(ctx context.Context, mail *Mail) error {
	b, err := m.boxFor(mail.Address)
	if err != nil {
		return err
	}
	limit, full := mail.Limit, mail.Full
	if limit <= 0 {
		limit, full = m.limit, m.full
	}
	if mail.ID != "" && m.known(mail) {
		b.sweepAndUnlock()
		return nil
	}
	if limit > 0 && b.fullFor(limit) {
		if put, err := b.makeRoom(ctx, mail, limit, full); !put {
			return err
		}
	}
	if mail.ID != "" {
		m.note(mail)
	}
	b.pushAndUnlock(newItem(mail))
	return nil
}

// newItem returns mail as it is kept.
func newItem(mail *Mail) item {
	it := item{value: mail.Value, lane: laneOf(mail.Priority)}
	kept := *mail
	kept.Value, kept.Limit, kept.Full = nil, 0, 0
	if !mail.Due.IsZero() {
		it.due = nanos(mail.Due)
	}
	if mail.ID != "" || mail.Flow != "" || mail.From != "" || mail.ReplyTo != "" || mail.Hop != 0 ||
		mail.Priority != 0 || it.due != 0 || !mail.Expires.IsZero() || mail.Encoding != "" || mail.Body != nil {
		it.mail = &kept
	}
	return it
}

// Close ends all sessions and forgets all mail.
func (m *Memory) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	m.desk.close()
	m.local.Close()
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		boxes := s.boxes
		s.boxes, s.states = nil, nil
		s.mu.Unlock()
		for _, b := range boxes {
			b.abandon()
		}
	}
	return nil
}

// Addresses returns what people need to know and change about addresses.
func (m *Memory) Addresses() Addresses { return memoryAddresses{m} }

// DeadLetters returns the mail that will not be handled.
func (m *Memory) DeadLetters() DeadLetters { return memoryLetters{m} }

// Listen calls f for each answer; see [Answers].
func (m *Memory) Listen(ctx context.Context, f func(Answer)) (replyTo string, err error) {
	return m.local.Listen(ctx, f)
}

// Answer sends an answer; see [Answers].
func (m *Memory) Answer(ctx context.Context, replyTo string, a Answer) error {
	return m.local.Answer(ctx, replyTo, a)
}

// A coarseClock tells when mail was put, to within some milliseconds: reading the
// time costs more than putting mail. While there is traffic a timer moves it on.
type coarseClock struct {
	wall  func() time.Time
	now   atomic.Int64
	armed atomic.Bool
	used  atomic.Bool
}

const coarse = 10 * time.Millisecond

// read returns the time in Unix nanoseconds.
func (c *coarseClock) read() int64 {
	if c.armed.Load() {
		if !c.used.Load() {
			c.used.Store(true)
		}
		return c.now.Load()
	}
	now := c.wall().UnixNano()
	c.now.Store(now)
	c.used.Store(true)
	if c.armed.CompareAndSwap(false, true) {
		time.AfterFunc(coarse, c.tick)
	}
	return now
}

func (c *coarseClock) tick() {
	c.now.Store(c.wall().UnixNano())
	if !c.used.Swap(false) {
		c.armed.Store(false)
		return
	}
	time.AfterFunc(coarse, c.tick)
}

// letterKey is a dead letter's number as a key that sorts as it does.
func letterKey(n uint64) string { return fmt.Sprintf("%016x", n) }
