package bolt

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"

	"github.com/troupe-go/troupe/mailbox"
)

// State returns what the last Commit left; see [mailbox.Ledger].
func (b *box) State(ctx context.Context) ([]byte, error) { return b.store.State(ctx, b.address) }

// State returns what the last Commit at an address left; see [mailbox.States].
func (s *Store) State(_ context.Context, address string) (found []byte, err error) {
	err = s.view(func(t *txn) error {
		found = bytes.Clone(t.table(state).Get([]byte(address)))
		return nil
	})
	return found, err
}

// Commit does all of c or nothing; see [mailbox.Ledger].
func (b *box) Commit(ctx context.Context, c mailbox.Commit) error {
	letters, err := b.store.compose(c.Mail)
	if err != nil {
		return err
	}
	done := b.queue.Look(c.Outcomes)
	ctx = context.WithoutCancel(ctx) // who gave up now would not know what has happened
	err = b.store.commit.do(ctx, size(letters)+len(c.State), func(t *txn) error {
		if !b.store.owns(b) {
			return opError{mailbox.ErrLost}
		}
		if err := t.admit(letters); err != nil {
			return opError{err}
		}
		if err := t.settle(b, done, 1); err != nil {
			return err
		}
		if err := t.putAll(letters); err != nil || !c.SetState {
			return err
		}
		if len(c.State) == 0 {
			return t.table(state).Delete([]byte(b.address))
		}
		return t.table(state).Put([]byte(b.address), c.State)
	})
	if errors.As(err, new(noRoom)) {
		return mailbox.ErrFull
	}
	if err != nil {
		return err
	}
	for _, o := range done {
		atomic.StoreUint32(&o.Ref.done, 1)
	}
	_ = b.queue.Settle(c.Outcomes) // it is lost if the session has ended meanwhile, but all is written
	return nil
}
