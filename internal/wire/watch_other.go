//go:build !linux

package wire

import "errors"

// A Watch says when there is something to receive on a link, to a goroutine that does
// not receive.
type Watch struct{}

// NewWatch returns an error on this system.
func (l *Link) NewWatch() (*Watch, error) {
	return nil, errors.New("wire: a link can be watched on Linux only")
}

// Set makes [Watch.Wait] return when there is something to receive.
func (w *Watch) Set() {}

// Unset undoes Set.
func (w *Watch) Unset() {}

// Wake makes Wait return.
func (w *Watch) Wake() {}

// Wait waits. It may return for no reason.
func (w *Watch) Wait() {}

// Close lets go of the Watch.
func (w *Watch) Close() {}
