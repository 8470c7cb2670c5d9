package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/troupe-go/troupe/mailbox"
)

// A wireAnswer is an answer on its way.
type wireAnswer struct {
	Question string `json:"q"`
	Err      string `json:"e,omitempty"`
	Encoding string `json:"c,omitempty"`
	Body     []byte `json:"b,omitempty"`
}

func parseAnswer(b []byte) (mailbox.Answer, error) {
	var w wireAnswer
	err := json.Unmarshal(b, &w)
	return mailbox.Answer{Question: w.Question, Err: w.Err, Encoding: w.Encoding, Body: w.Body}, err
}

// Listen calls f for each answer sent to replyTo; see mailbox.Answers. What is sent
// while the connection to Redis is lost does not come.
func (s *Store) Listen(ctx context.Context, f func(mailbox.Answer)) (replyTo string, err error) {
	if s.isClosed() {
		return "", errClosed
	}
	replyTo = s.prefix + ":answers:" + rand.Text()
	subscribed := s.hub.await(replyTo, f)
	s.hub.join(replyTo)
	patient, cancel := s.during(ctx)
	defer cancel()
	select {
	case <-subscribed:
	case <-patient.Done():
		s.hub.drop(replyTo)
		return "", s.explain(patient, patient.Err())
	}
	context.AfterFunc(ctx, func() { s.hub.drop(replyTo) })
	return replyTo, nil
}

// Answer sends an answer; see mailbox.Answers.
func (s *Store) Answer(ctx context.Context, replyTo string, a mailbox.Answer) error {
	b, err := json.Marshal(wireAnswer{Question: a.Question, Err: a.Err, Encoding: a.Encoding, Body: a.Body})
	if err != nil {
		return fmt.Errorf("redis: an answer: %w", err)
	}
	return s.insist(ctx, func(ctx context.Context) error { return s.rdb.Publish(ctx, replyTo, b).Err() })
}
