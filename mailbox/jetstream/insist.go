package jetstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// A line is the connection to the server, as long as it holds: what is under way when it
// is lost will not be answered, and is to be asked again.
type line struct {
	mu   sync.Mutex
	hold context.Context
	cut  context.CancelFunc
}

func (l *line) init() { l.hold, l.cut = context.WithCancel(context.Background()) }

// lost is called when the connection was lost.
func (l *line) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut()
	l.init()
}

// holds returns a context that ends when the connection is lost.
func (l *line) holds() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hold
}

// answerTime is how long one request waits for its answer.
const answerTime = 3 * time.Second

// attempt returns a context for one attempt at something: it ends with ctx, with the
// connection, and when an answer has taken too long.
func (s *Store) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	stop := context.AfterFunc(s.line.holds(), cancel)
	return ctx, func() { stop(); cancel() }
}

// insist does f, which may be done twice, until it succeeds, fails for good, or ctx ends.
func (s *Store) insist(ctx context.Context, f func(context.Context) error) error {
	pause := retry.NewPause()
	for {
		if err := s.connected(ctx); err != nil {
			return s.explain(ctx, err)
		}
		attempt, cancel := s.attempt(ctx)
		err := f(attempt)
		late := attempt.Err() != nil
		cancel()
		if err == nil || ctx.Err() != nil || !late && !passing(err) || !pause.Wait(ctx) {
			return s.explain(ctx, err)
		}
	}
}

// passing reports whether an error may be gone soon.
func passing(err error) bool {
	for _, e := range []error{
		nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrReconnectBufExceeded, nats.ErrTimeout,
		nats.ErrStaleConnection, nats.ErrConnectionReconnecting, js.ErrNoStreamResponse,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *js.APIError
	return errors.As(err, &api) && (api.Code == 503 && api.ErrorCode != noSpace || api.ErrorCode == inProcess)
}

// Codes of errors that have no names.
const (
	overlaps     js.ErrorCode = 10100 // a work queue has a consumer for some of the mail already
	noSpace      js.ErrorCode = 10023 // the server has reached a limit
	inProcess    js.ErrorCode = 10158 // a message with the same ID is being stored
	storedBefore js.ErrorCode = 10201 // a message of a batch has an ID that is known
)

func hasCode(err error, code js.ErrorCode) bool {
	var api *js.APIError
	return errors.As(err, &api) && api.ErrorCode == code
}

// connected waits until there is a connection.
func (s *Store) connected(ctx context.Context) error {
	if s.nc.IsConnected() {
		return nil
	}
	status := s.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer s.nc.RemoveStatusListener(status)
	if s.nc.IsConnected() {
		return nil
	}
	select {
	case <-status:
		return nil
	case <-ctx.Done():
		return nats.ErrDisconnected
	}
}
