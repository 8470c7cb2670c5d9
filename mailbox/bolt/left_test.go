package bolt

import (
	"context"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// leftBehind returns all that waits in a store, and settles nothing.
func leftBehind(t *testing.T, s mailbox.Store) (left []mailbox.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	totals, err := s.Addresses().Totals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.Serve(ctx, mailbox.Serving{Window: totals.Waiting + 1})
	if err != nil {
		t.Fatal(err)
	}
	into := make([]mailbox.Delivery, 16)
	for len(left) < totals.Waiting {
		b, err := session.Next(ctx)
		if err != nil {
			t.Fatalf("%d deliveries of %d came: %v", len(left), totals.Waiting, err)
		}
		left = append(left, drainBox(ctx, t, b, into)...)
	}
	return left
}

// drainBox settles all mail of a box, so that the next comes, which may be alone.
func drainBox(ctx context.Context, t *testing.T, b mailbox.Box, into []mailbox.Delivery) (got []mailbox.Delivery) {
	t.Helper()
	st := 0
	woken := make(chan struct{}, 1)
	for {
		n, err := b.Fetch(into, func() { woken <- struct{}{} })
		if err != nil {
			t.Fatal("Fetch:", err)
		}
		for i := range into[:n] {
			got = append(got, into[i])
			if err := b.Settle([]mailbox.Outcome{{Key: into[i].Key}}); err != nil {
				t.Fatal("Settle:", err)
			}
		}
		if n > 0 {
			continue
		}
		if !b.(*box).queue.Behind() && b.(*box).queue.Len() == 0 {
			return got
		}
		select {
		case <-woken:
		case <-ctx.Done():
			t.Fatalf("%s: nothing more came after %d", b.Address(), st)
		}
	}
}
