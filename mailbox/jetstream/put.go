package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// Headers of messages.
const (
	putHeader   = "Troupe-Put"   // when it was put, if not when it was stored: nanoseconds
	triesHeader = "Troupe-Tries" // deliveries before it was put aside
	dueHeader   = "Troupe-Due"   // nanoseconds
)

// A putter sends mail, one batch at a time: who comes while one is under way goes along
// with the next, so that many senders share one write to disk.
type putter struct {
	store *Store

	mu     sync.Mutex
	queue  []*putCall
	busy   bool
	closed bool
}

// A putCall is mail that goes into a batch.
type putCall struct {
	messages []*nats.Msg
	at       []place // whose they are
	ended    chan error
}

// A place is empty for delayed mail.
type place struct {
	address string
	lane    int
}

// Limits of one batch.
const (
	mostMail  = 256
	mostBytes = 1 << 20
)

func (p *putter) init(s *Store) { p.store = s }

// Put puts mail; see mailbox.Store.
func (s *Store) Put(ctx context.Context, mail ...mailbox.Mail) error {
	switch {
	case s.isClosed():
		return errClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	data := make([][]byte, len(mail))
	for i := range mail {
		m := &mail[i]
		if err := mailbox.CheckAddress(m.Address); err != nil {
			return err
		}
		data[i] = mailbox.AppendMail(nil, m)
		if len(data[i]) > s.largest {
			return fmt.Errorf("%w: %d bytes, at most %d", mailbox.ErrTooLarge, len(data[i]), s.largest)
		}
	}
	now, later := &putCall{}, &putCall{}
	put := func() error {
		if err := s.putter.do(ctx, now); err != nil {
			return err
		}
		err := s.delays.do(ctx, later)
		now, later = &putCall{}, &putCall{}
		return err
	}
	for i := range mail {
		m := &mail[i]
		if m.ID == "" && m.Limit <= 0 {
			lane := held.LaneOf(m.Priority)
			if time.Until(m.Due) > 0 {
				later.add(s.laterMsg(m, lane, data[i]), place{})
			} else {
				now.add(&nats.Msg{Subject: s.mailSubject(m.Address, lane), Data: data[i]}, place{m.Address, lane})
			}
			continue
		}
		if err := put(); err != nil {
			return err
		}
		if err := s.putOne(ctx, m, data[i]); err != nil {
			return err
		}
	}
	return put()
}

func (c *putCall) add(m *nats.Msg, at place) {
	c.messages, c.at = append(c.messages, m), append(c.at, at)
}

func (s *Store) laterMsg(m *mailbox.Mail, lane int, data []byte) *nats.Msg {
	due := strconv.FormatInt(m.Due.UnixNano(), 10)
	return &nats.Msg{Subject: s.laterSubject(m.Address, lane), Data: data, Header: nats.Header{dueHeader: {due}}}
}

// do puts the mail of a call with the next batch.
func (p *putter) do(ctx context.Context, c *putCall) error {
	for len(c.messages) > mostMail {
		first := &putCall{messages: c.messages[:mostMail], at: c.at[:mostMail]}
		if err := p.do(ctx, first); err != nil {
			return err
		}
		c = &putCall{messages: c.messages[mostMail:], at: c.at[mostMail:]}
	}
	if len(c.messages) == 0 {
		return nil
	}
	c.ended = make(chan error, 1)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	p.queue = append(p.queue, c)
	if !p.busy {
		p.busy = true
		go p.run()
	}
	p.mu.Unlock()
	select {
	case err := <-c.ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run sends what waits until nothing does.
func (p *putter) run() {
	for {
		calls := p.take()
		if len(calls) == 0 {
			return
		}
		err := p.send(calls)
		for _, c := range calls {
			c.ended <- err
		}
	}
}

func (p *putter) take() []*putCall {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, mail, bytes := 0, 0, 0
	for ; n < len(p.queue); n++ {
		mail += len(p.queue[n].messages)
		for _, m := range p.queue[n].messages {
			bytes += len(m.Data)
		}
		if n > 0 && (mail > mostMail || bytes > mostBytes) {
			break
		}
	}
	calls := append([]*putCall(nil), p.queue[:n]...)
	p.queue = append(p.queue[:0], p.queue[n:]...)
	p.busy = n > 0
	return calls
}

// send puts the mail of some calls: all of it or nothing.
func (p *putter) send(calls []*putCall) error {
	s := p.store
	ctx, cancel := s.during(context.Background())
	defer cancel()
	var messages []*nats.Msg
	var at []place
	for _, c := range calls {
		messages, at = append(messages, c.messages...), append(at, c.at...)
	}
	id := newID()
	if messages[0].Header == nil {
		messages[0].Header = nats.Header{}
	}
	messages[0].Header.Set(js.MsgIDHeader, "put-"+id)
	attempt, last := 0, uint64(0)
	err := s.insist(ctx, func(ctx context.Context) (err error) {
		attempt++
		last, err = s.store(ctx, messages, fmt.Sprintf("%s.%d", id, attempt))
		return err
	})
	if err != nil || last == 0 {
		return err
	}
	for i, a := range at {
		if a.address == "" {
			continue // delayed
		}
		s.desk.expect(a.address, a.lane, last-uint64(len(at)-1-i))
	}
	return nil
}

// store stores messages in the stream of mail, all or none, with one write to disk. It
// returns the sequence number of the last, 0 if they were stored before.
func (s *Store) store(ctx context.Context, messages []*nats.Msg, id string) (last uint64, err error) {
	if len(messages) == 1 {
		ack, err := s.js.PublishMsg(ctx, messages[0], js.WithRetryAttempts(0))
		if err != nil {
			return 0, err
		}
		return ack.Sequence, nil
	}
	for i, m := range messages {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		if i < len(messages)-1 {
			if err := s.nc.PublishMsg(m); err != nil {
				return 0, err
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
	}
	reply, err := s.nc.RequestMsgWithContext(ctx, messages[len(messages)-1])
	if err != nil {
		return 0, err
	}
	var ack struct {
		Sequence uint64       `json:"seq"`
		Error    *js.APIError `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return 0, err
	}
	switch {
	case ack.Error == nil:
		return ack.Sequence, nil
	case ack.Error.ErrorCode == storedBefore:
		return 0, nil
	}
	return 0, ack.Error
}

// putOne puts a mail with an ID, a limit, or a time when it is due.
func (s *Store) putOne(ctx context.Context, m *mailbox.Mail, data []byte) error {
	ctx, cancel := s.duringPut(ctx, m)
	defer cancel()
	lane := held.LaneOf(m.Priority)
	message := &nats.Msg{Subject: s.mailSubject(m.Address, lane), Data: data, Header: nats.Header{}}
	delayed := time.Until(m.Due) > 0
	if delayed {
		message = s.laterMsg(m, lane, data)
	}
	id := "put-" + newID() // or else it might come twice when there was no answer
	if m.ID != "" {
		id = m.Address + "|" + m.ID
	}
	opts := []js.PublishOpt{js.WithMsgID(id), js.WithRetryAttempts(0)}
	for {
		now := opts
		if m.Limit > 0 {
			put, last, err := s.roomFor(ctx, m, message.Subject, data)
			if !put {
				return err
			}
			now = append(slices.Clone(opts), js.WithExpectLastSequencePerSubject(last))
		}
		var ack *js.PubAck
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			ack, err = s.js.PublishMsg(ctx, message, now...)
			return err
		})
		if hasCode(err, js.JSErrCodeStreamWrongLastSequence) {
			continue // somebody else was quicker: look again whether there is room
		}
		if err != nil {
			return err
		}
		if !delayed && !ack.Duplicate {
			s.desk.expect(m.Address, lane, ack.Sequence)
		}
		return nil
	}
}

// duringPut is during, without patience for mail that may wait for room.
func (s *Store) duringPut(ctx context.Context, m *mailbox.Mail) (context.Context, context.CancelFunc) {
	if m.Limit <= 0 || m.Full != troupe.Block {
		return s.during(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.alive, cancel)
	return ctx, func() { stop(); cancel() }
}

// roomFor looks whether there is room for limited mail, and does what its policy says if
// there is none. It returns the number of the last message on the subject: the mail may
// be put if that does not change.
func (s *Store) roomFor(ctx context.Context, m *mailbox.Mail, subject string, data []byte) (put bool, last uint64, err error) {
	for {
		heard, stop := s.desk.roomAt(m.Address)
		defer stop()
		var st mailbox.Status
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			if last, err = s.lastOn(ctx, subject); err == nil {
				st, err = s.count(ctx, m.Address)
			}
			return err
		})
		if err != nil {
			return false, 0, err
		}
		if st.Waiting < m.Limit {
			return true, last, nil
		}
		switch m.Full {
		case troupe.Refuse:
			return false, 0, mailbox.ErrFull
		case troupe.DropNewest:
			return false, 0, s.bury(ctx, letter{address: m.Address, data: data, reason: mailbox.ErrFull.Error(), put: time.Now()})
		case troupe.DropOldest:
			return false, 0, fmt.Errorf("%w: dropping the oldest mail of JetStream: its owner may have it already", mailbox.ErrUnsupported)
		}
		timer := time.NewTimer(time.Second) // if nobody said a word
		select {
		case <-heard:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, 0, s.explain(ctx, ctx.Err())
		}
		timer.Stop()
	}
}

// lastOn returns the number of the last message on a subject, 0 if there is none.
func (s *Store) lastOn(ctx context.Context, subject string) (uint64, error) {
	stream := s.mail
	if len(subject) > len(s.prefix) && subject[len(s.prefix)+1] == 'l' {
		stream = s.later
	}
	m, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, js.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

func (p *putter) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}
