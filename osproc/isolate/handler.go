package isolate

import (
	"context"
	"runtime/debug"

	"github.com/troupe-go/troupe"
)

// handle runs a handler in direct style: in an OS process of its own nothing is saved by
// giving up the goroutine.
func handle[M any](self *troupe.Self[M], h troupe.Handler[M]) error {
	if i, ok := h.(troupe.Initializer[M]); ok {
		if err := i.Init(self); err != nil {
			return err
		}
	}
	self.Ready()
	reason := each(self, h)
	if t, ok := h.(troupe.Terminator[M]); ok {
		why := reason
		if self.Err() != nil {
			why = context.Cause(self)
		}
		t.Terminate(self, why)
	}
	return reason
}

// each calls the handler for each message, until it wants to end or is told to.
func each[M any](self *troupe.Self[M], h troupe.Handler[M]) (reason error) {
	defer func() {
		if v := recover(); v != nil {
			reason = &troupe.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	for m := range self.Messages() {
		if err := h.Handle(self, m); err != nil {
			return err
		}
	}
	return nil
}
