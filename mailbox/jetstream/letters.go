package jetstream

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// Headers of dead letters.
const (
	reasonHeader = "Troupe-Reason" // as in a URL, for it may have several lines
	countHeader  = "Troupe-Count"
)

// A letter is mail on its way to the dead letters.
type letter struct {
	address string
	data    []byte
	reason  string
	count   int
	put     time.Time
	lane    int
}

func (s *Store) letterMsg(l letter) *nats.Msg {
	m := &nats.Msg{Subject: s.deadSubject(l.address), Data: l.data, Header: nats.Header{}}
	m.Header.Set(reasonHeader, url.QueryEscape(l.reason))
	m.Header.Set(countHeader, strconv.Itoa(l.count))
	m.Header.Set(putHeader, strconv.FormatInt(l.put.UnixNano(), 10))
	return m
}

// bury makes a dead letter of mail that was never put.
func (s *Store) bury(ctx context.Context, l letter) error {
	id := js.WithMsgID("dropped-" + newID())
	return s.insist(ctx, func(ctx context.Context) error {
		_, err := s.js.PublishMsg(ctx, s.letterMsg(l), id)
		return err
	})
}

// DeadLetters returns the mail that will not be handled: a stream.
func (s *Store) DeadLetters() mailbox.DeadLetters { return letters{s} }

type letters struct{ *Store }

// List returns dead letters, oldest first; see mailbox.DeadLetters.
func (s letters) List(ctx context.Context, q mailbox.Query) ([]mailbox.DeadLetter, error) {
	if s.isClosed() {
		return nil, errClosed
	}
	from := uint64(1)
	if q.After != "" {
		after, err := strconv.ParseUint(q.After, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("jetstream: %q is not the key of a dead letter", q.After)
		}
		from = after + 1
	}
	subject := s.prefix + ".dead.>"
	if p := strings.TrimSuffix(q.Prefix, "/"); p != "" { // covers more than is asked for
		segments := strings.SplitN(p, "/", 3)
		subject = s.deadSubject("/" + segments[1])
		if len(segments) > 2 {
			subject += ".>"
		} else {
			return s.listBoth(ctx, q, from, subject)
		}
	}
	ctx, cancel := s.during(ctx)
	defer cancel()
	return s.scan(ctx, q, from, subject)
}

// listBoth lists the letters of an address and of those below it.
func (s letters) listBoth(ctx context.Context, q mailbox.Query, from uint64, subject string) ([]mailbox.DeadLetter, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	top, err := s.scan(ctx, q, from, subject)
	if err != nil {
		return nil, err
	}
	deep, err := s.scan(ctx, q, from, subject+".>")
	if err != nil {
		return nil, err
	}
	var list []mailbox.DeadLetter
	for len(list) < q.Most() && len(top)+len(deep) > 0 {
		if len(deep) == 0 || len(top) > 0 && number(top[0].Key) < number(deep[0].Key) {
			list, top = append(list, top[0]), top[1:]
		} else {
			list, deep = append(list, deep[0]), deep[1:]
		}
	}
	return list, nil
}

func number(key string) uint64 {
	n, _ := strconv.ParseUint(key, 10, 64)
	return n
}

// scan reads the letters on a subject that q asks for.
func (s letters) scan(ctx context.Context, q mailbox.Query, from uint64, subject string) (list []mailbox.DeadLetter, err error) {
	const page = 100
	for {
		var got []stored
		err := s.insist(ctx, func(ctx context.Context) (err error) {
			got, err = s.get(ctx, s.dead, subject, from, page)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, m := range got {
			from = m.seq + 1
			if d := s.letter(m); q.Covers(d.Address) && len(list) < q.Most() {
				list = append(list, d)
			}
		}
		if len(got) < page || len(list) == q.Most() {
			return list, nil
		}
	}
}

func (s letters) letter(m stored) mailbox.DeadLetter {
	mail, err := mailbox.ParseMail(m.data)
	if err != nil {
		mail = mailbox.Mail{Body: m.data}
	}
	mail.Address = addressOf(strings.TrimPrefix(m.subject, s.prefix+".dead."))
	d := mailbox.DeadLetter{Mail: mail, Key: strconv.FormatUint(m.seq, 10), Died: m.at}
	d.Reason, _ = url.QueryUnescape(m.header.Get(reasonHeader))
	d.Count, _ = strconv.Atoi(m.header.Get(countHeader))
	if ns, err := strconv.ParseInt(m.header.Get(putHeader), 10, 64); err == nil {
		d.Put = time.Unix(0, ns)
	}
	return d
}

// Replay puts dead letters to their addresses again; see mailbox.DeadLetters.
func (s letters) Replay(ctx context.Context, keys ...string) (int, error) {
	return s.each(ctx, keys, func(ctx context.Context, seq uint64) (bool, error) {
		m, err := s.dead.GetMsg(ctx, seq)
		if errors.Is(err, js.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		d := s.letter(stored{subject: m.Subject, header: m.Header, data: m.Data})
		lane := held.LaneOf(d.Priority)
		out := &nats.Msg{Subject: s.mailSubject(d.Address, lane), Data: m.Data}
		ack, err := s.js.PublishMsg(ctx, out, js.WithMsgID(fmt.Sprintf("replay-%d", seq)))
		if err != nil {
			return false, err
		}
		s.desk.expect(d.Address, lane, ack.Sequence)
		return s.delete(ctx, seq)
	})
}

// Purge forgets dead letters; see mailbox.DeadLetters.
func (s letters) Purge(ctx context.Context, keys ...string) (int, error) {
	return s.each(ctx, keys, s.delete)
}

func (s letters) delete(ctx context.Context, seq uint64) (bool, error) {
	err := s.dead.DeleteMsg(ctx, seq)
	if errors.Is(err, js.ErrMsgNotFound) || errors.Is(err, js.ErrMsgDeleteUnsuccessful) {
		return false, nil
	}
	return err == nil, err
}

func (s letters) each(ctx context.Context, keys []string, f func(context.Context, uint64) (bool, error)) (n int, err error) {
	if s.isClosed() {
		return 0, errClosed
	}
	ctx, cancel := s.during(ctx)
	defer cancel()
	for _, key := range keys {
		seq, err := strconv.ParseUint(key, 10, 64)
		if err != nil || seq == 0 {
			continue
		}
		var there bool
		err = s.insist(ctx, func(ctx context.Context) (err error) {
			there, err = f(ctx, seq)
			return err
		})
		if err != nil {
			return n, err
		}
		if there {
			n++
		}
	}
	return n, nil
}
