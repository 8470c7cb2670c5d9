package station_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
)

type balance struct{ Cents int }

// account is an actor whose state and mail are one step.
type account struct{ s *station.Station }

func (a account) Handle(ctx context.Context, m station.Mail[int]) error {
	b, _, err := station.Load[balance](ctx)
	if err != nil {
		return err
	}
	b.Cents += m.Body
	if err := station.Save(ctx, b); err != nil {
		return err
	}
	if err := station.Tell(ctx, a.s, "/book", fmt.Sprint(m.Address, " ", b.Cents)); err != nil {
		return err
	}
	if again, found, err := station.Load[balance](ctx); !found || again != b || err != nil {
		return station.Reject(fmt.Errorf("loaded %v, %v, %v", again, found, err))
	}
	if m.Body < 0 && m.Count < 3 {
		return errors.New("not yet")
	}
	if m.IsQuestion() {
		return m.Reply(ctx, b.Cents)
	}
	return nil
}

func accounts(s *station.Station) *record[string] {
	book := &record[string]{}
	station.Handle(s, "/account/{id}", func(string) (station.Actor[int], error) { return account{s}, nil },
		station.Options{Atomic: true, Idle: -1})
	station.HandleFunc(s, "/book", func(_ context.Context, m station.Mail[string]) error {
		book.add(m.Body)
		return nil
	}, station.Options{})
	return book
}

func TestG70_AtomicStep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		book := accounts(s)
		start(t, s)
		for _, n := range []int{5, -2, 10} {
			tell(t, s, "/account/1", n)
		}
		time.Sleep(time.Minute)
		// What failed attempts sent and saved is not there.
		wantList(t, book.get(), "/account/1 5", "/account/1 3", "/account/1 13")
		n, err := station.Ask[int, int](t.Context(), s, "/account/1", 1)
		if n != 14 || err != nil {
			t.Error(n, err)
		}
		if _, err := station.Ask[int, int](t.Context(), s, "/account/1", -1); err == nil {
			t.Error("a failed question was answered")
		}
	})
}

func TestAtomicStepMisuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _ := newStation(t)
		errs := &record[error]{}
		var leaked context.Context
		station.HandleFunc(s, "/plain", func(ctx context.Context, m station.Mail[int]) error {
			_, _, err := station.Load[int](ctx)
			errs.add(err)
			errs.add(station.Save(ctx, 1))
			return nil
		}, station.Options{})
		station.HandleFunc(s, "/atomic", func(ctx context.Context, m station.Mail[int]) error {
			errs.add(station.Tell(ctx, s, "/far", 1))
			leaked = ctx
			return nil
		}, station.Options{Atomic: true})
		station.HandleFunc(s, "/forget", func(ctx context.Context, m station.Mail[int]) error {
			if _, found, err := station.Load[int](ctx); found || err != nil {
				errs.add(fmt.Errorf("found: %v, %w", found, err))
			}
			if err := station.Save(ctx, m.Body); err != nil {
				return err
			}
			return station.Forget(ctx)
		}, station.Options{Atomic: true})
		station.Elsewhere(s, "/far", station.Options{Store: newByteStore(t)})
		start(t, s)
		tell(t, s, "/plain", 1)
		synctest.Wait()
		tell(t, s, "/atomic", 1)
		tell(t, s, "/forget", 1)
		tell(t, s, "/forget", 2)
		synctest.Wait()
		list := errs.get()
		if len(list) != 3 {
			t.Fatal(list)
		}
		wantErr(t, list[0], station.ErrNoStep)
		wantErr(t, list[1], station.ErrNoStep)
		wantErr(t, list[2], station.ErrOtherStore)
		if err := station.Save(leaked, 1); err == nil {
			t.Error("a state was saved after its step")
		}
	})
}

// plainBoxes is a store whose boxes are no ledgers.
type plainBoxes struct{ mailbox.Store }

func (p plainBoxes) Serve(ctx context.Context, how mailbox.Serving) (mailbox.Session, error) {
	s, err := p.Store.Serve(ctx, how)
	return plainSession{s}, err
}

type plainSession struct{ mailbox.Session }

func (p plainSession) Next(ctx context.Context) (mailbox.Box, error) {
	b, err := p.Session.Next(ctx)
	if err != nil {
		return nil, err
	}
	return struct{ mailbox.Box }{b}, nil
}

func TestAtomicNeedsALedger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := station.New(plainBoxes{newByteStore(t)}, station.Logger(slogDiscard()))
		accounts(s)
		start(t, s)
		tell(t, s, "/account/1", 1)
		time.Sleep(time.Hour)
		dead, err := s.DeadLetters(t.Context(), "/account", 0)
		if must(t, err); len(dead) != 1 {
			t.Error(dead)
		}
	})
}
