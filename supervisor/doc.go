// Package supervisor keeps processes running: it starts them in order, starts
// them again when they fail, and stops them in reverse order.
//
// # Words
//
// A supervisor is a process whose only work is to look after other processes,
// its children. It does not do what can fail; its children do. A child is
// described by a [Child]: a name, a body and what is to happen when it ends. The
// supervisor is described by a [Spec]. Supervisors that have supervisors as
// children form a tree, and a failure that one of them cannot put right goes up
// the tree until one can.
//
// The policy of a child says when it is started again: a [Permanent] child
// always, a [Transient] one when it failed, a [Temporary] one never. A child
// fails when it ends with a reason that is neither normal (see
// [troupe.IsNormal]) nor [troupe.ErrShutdown].
//
// The strategy of a supervisor says who is started again together with a child:
// nobody ([OneForOne]), all others ([OneForAll]), or those that were started
// after it ([RestForOne]). Those that run are stopped first, in reverse order.
//
// The intensity is how many restarts within a period a supervisor believes in.
// When there are more it stops its children and ends with an error that wraps
// [troupe.ErrShutdown], so that whoever supervises the supervisor can try
// something larger.
//
// A start is complete when the child is up: at once, or for a body that says so
// itself (see [troupe.Body.AwaitReady]; all handlers do) when it has called
// [troupe.Self.Ready]. The next child waits for that. A body that ends normally
// before it is ready declines: that is no failure, and it is left alone until
// somebody starts it.
//
// # A tree
//
//	app := supervisor.Spec{
//		Strategy: supervisor.RestForOne,
//		Children: []supervisor.Child{
//			{Name: "store", Body: troupe.Function(store).AwaitReady()},
//			{Name: "web", Body: troupe.Service(web), Backoff: supervisor.Backoff{Min: time.Second}},
//			{Name: "jobs", Body: jobs.Body()}, // jobs is another Spec
//		},
//	}
//	err := troupe.Run(ctx, app.Run)
//
// Children get their names as [troupe.Name] gives them: the child "store" of
// the root is found as Named("store"), the child "mail" of the supervisor "jobs"
// as Named("jobs/mail"). While a child is being restarted, a question to its
// name waits for the successor.
//
// # Children by the thousand
//
// A child can be added while the supervisor runs, with [Add]. One without a name
// is one of a crowd: it is addressed by its PID, forgotten when it has ended and
// is not to be started again, and costs the same among a hundred thousand as it
// does among ten. A OneForOne supervisor stops its crowd all at once, for there
// is no order in it; everything else stops one at a time. Crowds are what OTP
// has simple_one_for_one and Elixir DynamicSupervisor for.
//
// # People
//
// [Start], [Stop], [Restart], [Add], [Remove], [List], [Find] and [Count] talk
// to a running supervisor. A child that was stopped with Stop stays stopped,
// whatever its policy and whatever happens to the others, until Start or
// Restart. The supervisor answers at any time: while its children start, while
// one of them backs off, and while it waits for one to stop.
//
// # What is as in OTP, and what is not
//
// Semantics: OTP's supervisor behaviour. The differences are made on purpose:
//
//   - The supervisor does not block while a child starts or stops. Under
//     OneForOne children restart independently of each other.
//   - A child stopped by a person stays stopped, also a temporary one, and also
//     when its siblings are restarted.
//   - Restarts can back off; a gate can refuse a start.
//   - Any exit signal that does not come from a child, and is not a normal one
//     from a stranger, tells the supervisor to stop its children and end. OTP's
//     listens to its parent alone.
//   - A child that traps exits and does not end when its supervisor was killed
//     is killed when its Shutdown has passed.
package supervisor
