// Package troupe runs programs made of many things that happen at once and must
// not bring each other down: Erlang's processes in Go.
//
// # Words
//
// A process is a unit of concurrency with an address and a mailbox. What it runs
// is its body. Seen from inside a process is a [Self]; it is the process's
// [context.Context]. Seen from outside it is a [Ref], an address that accepts
// messages of one type, or a [PID], the bare identity behind it.
//
// A message is a [Message]: who sent it, what [Event] it is, its body, and a
// reason. Most are bodies that somebody sent. The others tell of the ends of
// processes: [Down] says that a monitored process has ended, [Exit] that a link
// broke, [Timeout] that nothing came.
//
// A reason is why a process ended, and is an error: the one that its body
// returned. Nil and [Stop] are a normal end. A panic is a [*PanicError].
//
// A link ties two processes: the abnormal end of one ends the other, unless that
// one traps exits. A monitor only tells. A node is one running Troupe; [Run]
// starts it, and it ends when its first process, the root, does.
//
// # A process has two faces
//
// In direct style the body is a function with a goroutine of its own, which
// receives when it wants to:
//
//	func counter(self *troupe.Self[int]) error {
//		sum := 0
//		for m := range self.Messages() {
//			sum += m.Body
//		}
//		return nil
//	}
//
// In handler style it is a [Handler] that is called for each message and holds no
// goroutine while it is idle, so that a million of them fit in memory. [Spawn]
// starts the one, [SpawnHandler] the other; all else is the same.
//
// # Talking
//
// [Ref.Send] puts a body into a mailbox and does not wait. [Ask] sends a request
// and waits for its answer, the callee's death, or the end of its context. Which
// process is sending is told by the context: a Self, or any context derived from
// one. Outside of processes any context will do; [Node.Context] adds the node, so
// that names can be found.
//
// # Order
//
// What one process sends to another arrives in the order it was sent, bodies and
// signals alike. Nothing is promised between different senders. A watcher hears
// of an end only after everything that the dead process sent it. The names of a
// dead process are free before anyone hears that it died. The full list of
// promises, with their numbers, is in docs/guarantees.md.
//
// # Ending, and what cannot be killed
//
// A process that is told to end (a link broke, [PID.Exit], its supervisor, the
// end of its node) has its context cancelled and receives nothing more; its body
// is to return. [PID.Kill] does not wait for that: the process is dead at once for
// all others. But Go cannot stop a goroutine from outside. One that has not
// returned within its [Grace] is a zombie: fenced, so that nothing it does is seen
// by others, logged with its stack, and listed by [Node.Zombies] until it returns.
//
// The semantics are those of the Erlang/OTP reference manual ("Processes"),
// unless a doc comment says otherwise. Package supervisor restarts what ends,
// package match receives by patterns.
package troupe
