package jetstream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/troupe-go/troupe/mailbox"
)

// A wireAnswer is an answer on its way.
type wireAnswer struct {
	Question string `json:"q"`
	Err      string `json:"e,omitempty"`
	Encoding string `json:"c,omitempty"`
	Body     []byte `json:"b,omitempty"`
}

// Listen calls f for each answer sent to replyTo; see mailbox.Answers. What is sent
// while the connection is lost does not come.
func (s *Store) Listen(ctx context.Context, f func(mailbox.Answer)) (replyTo string, err error) {
	if s.isClosed() {
		return "", errClosed
	}
	replyTo = s.prefix + ".answers." + newID()
	sub, err := s.nc.Subscribe(replyTo, func(m *nats.Msg) {
		var w wireAnswer
		if json.Unmarshal(m.Data, &w) == nil {
			f(mailbox.Answer{Question: w.Question, Err: w.Err, Encoding: w.Encoding, Body: w.Body})
		}
	})
	if err != nil {
		return "", fmt.Errorf("jetstream: listening for answers: %w", err)
	}
	patient, cancel := s.during(ctx)
	defer cancel()
	if err := s.nc.FlushWithContext(patient); err != nil {
		_ = sub.Unsubscribe()
		return "", s.explain(patient, err)
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	return replyTo, nil
}

// Answer sends an answer; see mailbox.Answers.
func (s *Store) Answer(ctx context.Context, replyTo string, a mailbox.Answer) error {
	if s.isClosed() {
		return errClosed
	}
	b, err := json.Marshal(wireAnswer{Question: a.Question, Err: a.Err, Encoding: a.Encoding, Body: a.Body})
	if err != nil {
		return fmt.Errorf("jetstream: an answer: %w", err)
	}
	ctx, cancel := s.during(ctx)
	defer cancel()
	if err := s.connected(ctx); err != nil {
		return s.explain(ctx, err)
	}
	return s.explain(ctx, s.nc.Publish(replyTo, b))
}
