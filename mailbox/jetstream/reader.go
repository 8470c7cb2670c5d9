package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// How a partition's mail comes to the program: through a consumer, which is made when the
// partition is taken over, so that nobody else can be reading from it, and begins anew at
// the first mail that was not acknowledged after each loss of the connection. One that goes
// on where it was delivers what its last reader had later, behind what should come after.
// It has no MaxDeliver: how often mail may be tried is up to the reader, and one who stops
// to deliver it would leave it in the stream for good.

// read makes the consumer deliver all mail that was not acknowledged, in order, and reads
// it.
func (p *partition) read(ctx context.Context) error {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.stop != nil || p.lost.Load() {
		return nil
	}
	p.readers.Wait() // those of before
	beginning := p.rewind()
	c, err := p.begin(ctx)
	if err != nil {
		return err
	}
	it, err := c.Messages(js.PullMaxMessagesWithBytesLimit(256, 16<<20))
	if err != nil {
		return err
	}
	alive, stop := context.WithCancel(p.store.alive)
	context.AfterFunc(alive, it.Stop)
	p.readers.Go(func() { p.deliver(alive, beginning, it) })
	p.stop = stop
	return nil
}

// begin returns the consumer, at its beginning.
func (p *partition) begin(ctx context.Context) (js.Consumer, error) {
	s := p.store
	c, err := s.mail.Consumer(ctx, p.consumer)
	if err == nil {
		_, err = s.mail.ResetConsumerToSequence(ctx, p.consumer, 1)
		return c, err
	}
	if !errors.Is(err, js.ErrConsumerNotFound) {
		return nil, err
	}
	c, err = p.create(ctx)
	if !hasCode(err, overlaps) {
		return c, err
	}
	// A program died between saying that it takes the partition and doing so.
	all := s.mail.ListConsumers(ctx)
	for other := range all.Info() {
		if other.Config.FilterSubject == p.subjects() {
			if err := p.dismiss(ctx, other.Name); err != nil {
				return nil, err
			}
		}
	}
	if all.Err() != nil {
		return nil, all.Err()
	}
	return p.create(ctx)
}

func (p *partition) subjects() string { return fmt.Sprintf("%s.mail.%d.>", p.store.prefix, p.n) }

func (p *partition) create(ctx context.Context) (js.Consumer, error) {
	return p.store.mail.CreateConsumer(ctx, js.ConsumerConfig{
		Durable: p.consumer, FilterSubject: p.subjects(),
		AckPolicy: js.AckExplicitPolicy, AckWait: 24 * time.Hour, MaxDeliver: -1, MaxAckPending: -1,
	})
}

// dismiss deletes a consumer of those who had the partition before.
func (p *partition) dismiss(ctx context.Context, consumer string) error {
	if consumer == "" {
		return nil
	}
	err := p.store.mail.DeleteConsumer(ctx, consumer)
	if errors.Is(err, js.ErrConsumerNotFound) {
		return nil
	}
	return err
}

// deliver brings what the consumer delivers to the desk.
func (p *partition) deliver(alive context.Context, beginning int, messages js.MessagesContext) {
	for next := uint64(0); ; {
		m, err := messages.Next()
		if alive.Err() != nil || errors.Is(err, js.ErrMsgIteratorClosed) {
			return
		}
		if err != nil {
			p.store.log(fmt.Errorf("jetstream: reading mail: %w", err))
			if !errors.Is(err, js.ErrNoHeartbeat) || p.store.nc.IsConnected() {
				go p.restart()
				return
			}
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			continue
		}
		if next++; meta.Sequence.Consumer != next { // some went out on a connection that was lost
			go p.restart()
			return
		}
		address, lane, ok := p.store.parseSubject(m.Subject())
		if !ok {
			continue
		}
		p.learn(m.Reply())
		it := p.item(address, lane, meta.Sequence.Stream, m.Headers(), meta.Timestamp, m.Data())
		it.Ref.ack = m.Reply()
		p.store.desk.deliver(p, beginning, address, it, meta.NumPending)
	}
}

// learn remembers what an acknowledgement looks like.
func (p *partition) learn(ack string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ack == "" {
		p.ack = ack
	}
}

// ackFor returns where to acknowledge mail that was not delivered but fetched: the
// number of a message in the stream is the fourth from behind of nine, or the fifth of
// twelve.
func (p *partition) ackFor(seq uint64) string {
	p.mu.Lock()
	f := strings.Split(p.ack, ".")
	p.mu.Unlock()
	switch {
	case len(f) == 9:
		f[5] = strconv.FormatUint(seq, 10)
	case len(f) > 9:
		f[7] = strconv.FormatUint(seq, 10)
	}
	return strings.Join(f, ".")
}

// item makes what is held of a message.
func (p *partition) item(address string, lane int, seq uint64, h nats.Header, stored time.Time, data []byte) *item {
	m, err := mailbox.ParseMail(data)
	if err != nil { // the reader gives it up, with a reason
		m = mailbox.Mail{Encoding: "damaged", Body: data}
	}
	m.Address = address
	it := &item{Mail: m, Put: stored, Lane: lane, Ref: ref{seq: seq}}
	if ns, err := strconv.ParseInt(h.Get(putHeader), 10, 64); err == nil {
		it.Put = time.Unix(0, ns)
	}
	it.Ref.base, _ = strconv.Atoi(h.Get(triesHeader))
	it.Tries, it.Safe = it.Ref.base, it.Ref.base
	switch count, known := p.counts[seq]; {
	case known:
		it.Tries, it.Safe, it.Ref.tag = count, count, 1
	case seq <= p.suspect[lane]:
		it.Tries, it.Safe, it.Ref.tag = it.Ref.base+1, it.Ref.base+1, 1
	case p.covered(lane, seq):
		it.Safe++
	}
	return it
}

// pause stops reading.
func (p *partition) pause() {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// resume reads again, until that succeeds.
func (p *partition) resume() {
	pause := retry.NewPause()
	for !p.lost.Load() {
		ctx, cancel := p.store.attempt(p.store.alive)
		err := p.read(ctx)
		cancel()
		if err == nil || !pause.Wait(p.store.alive) {
			return
		}
		p.store.log(fmt.Errorf("jetstream: reading mail: %w", err))
	}
}

func (p *partition) restart() {
	p.pause()
	p.resume()
}

// rewind says that the consumer will begin anew: what it has delivered until now and the
// desk has not heard of is of no use. It returns the number of the new beginning.
func (p *partition) rewind() (beginning int) {
	p.store.desk.mu.Lock()
	defer p.store.desk.mu.Unlock()
	p.at = 0
	p.beginning++
	return p.beginning
}
