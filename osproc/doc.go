// Package osproc runs functions of this program in OS processes of their own: real isolation,
// real limits, and a kill that frees memory and processor for certain. A [Process] runs a
// function once; a [Pool] keeps workers for many calls. It knows nothing of the processes of the
// module root and can be used alone.
//
// # Words
//
// A function is registered under a name ([Register]), so that both sides know it. A worker is
// this program started again, which runs a registered function instead of main; nothing is
// forked. For that, main begins with [Main]:
//
//	var resize = osproc.Register("resize", func(ctx context.Context, job Job) (Picture, error) { ... })
//
//	func main() {
//		osproc.Main() // in a worker this serves, and never returns
//		p, err := resize.Start(ctx, job)
//		...
//		picture, err := p.Wait(ctx)
//	}
//
// A child is any process that this one started: a worker, or another program ([Command]). A task
// is one call of a pool's function. A task that kills its workers is poison. A daemon is a child
// that nobody waits for.
//
// # Ends
//
// A function ends with its result, or with an error: its own, or a [*PanicError] with the stack
// if it panicked. A process that ended without either, by a signal, by os.Exit or by a fault of
// the runtime, is an [*ExitError], which tells code from signal, why the parent ended it if it
// did, and what the runtime said last. Ends are known at once: by Wait, by a channel
// ([Child.Done]), by ipc.WaitAny.
//
// Children die with their parent, also when that is killed with SIGKILL, and so do their own
// children. On Linux the kernel sees to that; elsewhere workers notice that their link to the
// parent has ended. A context that was given to a start ends the child when it ends: first with
// SIGTERM, which ends the context of the function; after the grace with SIGKILL.
//
// # Pools
//
// A pool never hangs because a worker died. It knows exactly which task a worker was running,
// and says so ([PoisonError]), or runs it again if it may (Retries); what else the worker had
// goes to others. [Pool.Do] fits flow.Map as it is; [Pool.Map] runs a whole sequence, and reads
// it no further ahead than the workers need.
//
// # What travels
//
// Arguments and results are copied. All that is data can travel, with unexported fields too;
// so can open files (*os.File) and whatever package ipc shares between processes. A chan, a func
// or a sync.Mutex cannot, and the error names the field.
//
// # Systems
//
// Linux is the real thing. On other Unix systems there are no limits, no MaxMemory, and the
// task that a worker died of is taken to be the first that it has not answered. On Windows every
// start returns [ErrNotSupported].
//
// The semantics are those of Python's multiprocessing, minus its hangs.
package osproc
