// Package child starts OS processes and looks after them until nothing of them is
// left. It knows nothing of functions, pools or processes of the module root: those are
// built on it, by osproc and by osproc/isolate.
//
// # Words
//
// A worker is this program started again. It plays a role, which is a name and a
// function ([Role]) that both sides know because they are the same program. Between
// parent and worker there is a [wire.Link] on descriptor 3. A program is anything else
// that can be executed; it has no link.
//
// # How isolate uses it
//
// In the parent, [Start] with a role starts a worker and returns when the worker has said
// that it is ready, or why it refuses:
//
//	c, err := child.Start(ctx, config, child.Job{Role: "isolate", Fill: func(e *wire.Encoder) error {
//		return codec.Encode(e, what) // what the role needs to begin; descriptors may go along
//	}})
//	link := c.Link()      // all frames from here on belong to the role, in both directions
//	<-c.Done()            // the worker was waited for; c.End says how it ended
//
// In the worker, osproc.Main (through [Main]) finds the role and calls its function:
//
//	child.Role("isolate", func(w *child.Worker, body *wire.Decoder) {
//		what, err := codec.Decode(body)
//		if err != nil {
//			w.Refuse(err)     // Start returns the error in the parent
//			return
//		}
//		w.Ready()             // Start returns the child in the parent
//		... w.Link.Send, w.Link.Receive; w.Context is cancelled by SIGTERM and SIGINT
//		w.Orphaned()          // when Receive failed: the parent is gone
//	})
//
// When the function returns, what was sent is flushed and the worker exits with code 0.
// Role panics if a role is registered twice; it is to be called from the Register
// function of a package, not from init.
//
// Whoever calls Start reads the link until it fails; when the worker has ended, all that
// it sent is still there to be read, and then io.EOF.
//
// # What is guaranteed
//
//   - The kernel kills a child when its parent dies (Linux; elsewhere workers notice by
//     the end of file on their link).
//   - Every child is waited for; a channel is closed when that is done.
//   - No goroutine, thread or descriptor is left when the last child has ended.
//
// # Globals
//
// The package keeps three registries: the roles by name, the children that live, and the
// thread that starts them.
package child
