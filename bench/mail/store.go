package main

import (
	"context"

	"github.com/troupe-go/troupe/mailbox"
)

// ofStore is a system that uses a mailbox.Store as a station does: one address.
func ofStore(b *place, store mailbox.Store) system {
	b.Cleanup(func() { store.Close() })
	ctx := context.Background()
	session, err := store.Serve(ctx, mailbox.Serving{})
	if err != nil {
		b.Fatal(err)
	}
	return system{
		put: func(body []byte) error {
			return store.Put(ctx, mailbox.Mail{Address: "/bench/1", Body: body})
		},
		serve: func(n int, handled func()) error { return serve(ctx, session, n, handled) },
	}
}

func serve(ctx context.Context, session mailbox.Session, n int, handled func()) error {
	into := make([]mailbox.Delivery, 64)
	outcomes := make([]mailbox.Outcome, 0, 64)
	woken := make(chan struct{}, 1)
	wake := func() { woken <- struct{}{} }
	box, err := session.Next(ctx)
	if err != nil {
		return err
	}
	for n > 0 {
		got, err := box.Fetch(into, wake)
		if err != nil {
			return err
		}
		if got == 0 {
			<-woken
			continue
		}
		outcomes = outcomes[:0]
		for _, d := range into[:got] {
			handled()
			outcomes = append(outcomes, mailbox.Outcome{Key: d.Key})
		}
		if err := box.Settle(outcomes); err != nil {
			return err
		}
		n -= got
	}
	if err := session.Flush(ctx); err != nil {
		return err
	}
	return box.Release(0)
}
