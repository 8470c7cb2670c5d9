package station_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

// add is what most tests send.
type add struct {
	Item string
	N    int
}

// newStation returns a station with mail in memory, for use in a bubble.
func newStation(t *testing.T, opts ...station.Option) (*station.Station, *mailbox.Memory) {
	t.Helper()
	store := mailbox.NewMemory()
	t.Cleanup(func() { store.Close() })
	return station.New(store, append([]station.Option{station.Logger(slogDiscard())}, opts...)...), store
}

// start runs the station until the test or stop ends it.
func start(t *testing.T, s *station.Station) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- troupe.Run(ctx, s.Run, troupe.Logger(slogDiscard())) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error("the station ended with", err)
		}
	})
	return stop
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got the error %v, want %v", got, want)
	}
}

func tell[T any](t *testing.T, s *station.Station, address string, body T, opts ...station.SendOption) {
	t.Helper()
	must(t, station.Tell(t.Context(), s, address, body, opts...))
}

// A record is what handlers did, in order.
type record[T any] struct {
	mu   sync.Mutex
	list []T
}

func (r *record[T]) add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, v)
}

func (r *record[T]) get() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]T(nil), r.list...)
}

// A byteStore keeps bytes, as stores that last do.
type byteStore struct {
	mailbox.Store
	mailbox.Answers
}

func newByteStore(t *testing.T) byteStore {
	m := mailbox.NewMemory()
	t.Cleanup(func() { m.Close() })
	return byteStore{m, m}
}

func slogDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }
