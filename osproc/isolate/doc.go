// Package isolate runs a process of the module root as an OS process of its own: the
// same address, links, monitors, names and reasons, and a kill that frees memory and
// processor for certain.
//
// # Words
//
// A [Kind] is a body that was registered under a name, so that this program finds it
// when it is started again as a child. A process of a kind is spawned like any other:
//
//	var crunch = isolate.Register("crunch", func(self *troupe.Self[Job], level int) error {
//		for m := range self.Messages() {
//			...
//		}
//		return nil
//	})
//
//	func main() {
//		osproc.Main() // in a child this serves, and never returns
//		troupe.Run(ctx, func(self *troupe.Self[Result]) error {
//			ref := troupe.Spawn(self, isolate.Body(crunch, 9))
//			...
//		})
//	}
//
// [Body] makes a body of a kind and an argument; [Child] makes one for the children of
// a supervisor. [Command] is for other programs: what is sent goes to standard input,
// what they write comes as lines, and how they exit is the reason.
//
// # What is the same
//
// Everything that can be done with a Ref or a PID. They can be sent in messages, in both
// directions and on to third parties, and come home as what they were. What one process
// sends to another arrives in order; a watcher hears of an end after everything that the
// dead process sent. A message is encoded by the goroutine that sends it, and does not
// wait for the other side. A child can spawn processes, also isolated ones; those in its
// own OS process end with it. Names that a child registers are found by the parent, and
// the other way round.
//
// # What is different
//
// Messages are copied. Those that cannot be encoded (a chan, a func, a type in an
// interface that is not registered, see [RegisterType]) are refused by Send with an error;
// those that were sent before the process had begun to start are dead letters. A message
// to a process that has just ended may be lost without an error, as between nodes; a
// monitor tells. Looking up a name that the child does not have asks the parent, and waits
// for it. A mailbox bounded with troupe.Block holds back only senders in its own OS
// process. Kill takes effect when the OS process is gone, a fraction of a millisecond
// later; nothing that it sent before is lost.
//
// # Reasons
//
// What the body returns is the reason, as always. An error keeps its text on the way,
// and its identity under errors.Is if it is one of Troupe's, one of the best known of
// the standard library, or was registered (osproc.RegisterError). A panic is a
// *troupe.PanicError with the stack of the child. An OS process that ended otherwise (a
// signal, os.Exit, a fault of the runtime) ended for an *osproc.ExitError; one that was
// killed by troupe.PID.Kill, for troupe.ErrKilled.
package isolate
