package storm

import (
	"context"
	"errors"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// Window is how much mail of an address is fetched ahead.
const Window = 16

// again is how much mail of an address may come again after a silence that is longer than
// the lease: what was out, and what the program held and went on with meanwhile.
const again = Window + mailbox.DefaultWindow

// handle handles the mail of a store until ctx ends: note is called for each delivery,
// which is settled then. It goes on when an address is lost. before is called before
// note, with the session, and may be nil.
func handle(ctx context.Context, s mailbox.Store, before func(mailbox.Session), note func(*mailbox.Delivery)) error {
	// What was noted is settled: the session does not end before.
	session, err := s.Serve(context.WithoutCancel(ctx), mailbox.Serving{Window: Window})
	if err != nil {
		return err
	}
	defer session.Close()
	for {
		b, err := session.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		err = drain(b, func(d *mailbox.Delivery) {
			if before != nil {
				before(session)
			}
			note(d)
		})
		if err != nil && !errors.Is(err, mailbox.ErrLost) {
			return err
		}
	}
}

// drain handles the mail of an address until there has been none for a moment.
func drain(b mailbox.Box, note func(*mailbox.Delivery)) error {
	into := make([]mailbox.Delivery, 5)
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	for {
		n, err := b.Fetch(into, wake)
		if err != nil {
			return err
		}
		if n == 0 {
			select {
			case <-woken:
				continue
			case <-time.After(20 * time.Millisecond):
				return b.Release(0)
			}
		}
		for i := range into[:n] {
			note(&into[i])
			if err := b.Settle([]mailbox.Outcome{{Key: into[i].Key}}); err != nil {
				return err
			}
		}
	}
}
