// Package ipc lets OS processes of one program talk and share: queues, connections, locks and
// their kin, shared values and memory. It knows nothing of the processes of the module root
// and can be used alone; package osproc starts the processes.
//
// # Words
//
// A handle is what a program holds of something shared: a [*Queue], a [*Lock], a [*Conn]. Any
// of them can be an argument or a result of a function in another OS process, a field of a
// struct, or a value that travels through a queue or a connection: what arrives is another
// handle of the same thing. There is nothing to be unlinked afterwards. A thing is gone when
// the last process that holds a handle of it has let go, or has died, by whatever signal.
//
// To detach is to let go of a handle before the garbage collector does. To close a queue is to
// say to everybody that nothing more will be put into it.
//
// The holder of a lock is an OS process. Like a [sync.Mutex], a lock may be unlocked by another
// goroutine of the process that locked it; not by another process.
//
// # What there is to share
//
// A [*Lock] is held by one process at a time; an [*RLock] can be locked again by whoever carries
// its owner, which is in a context. A [*Semaphore] is a number of permits; those of a
// [*BoundedSemaphore] can only be released by the process that acquired them. An [*Event] is a
// flag to wait for, a [*Condition] wakes those who wait for a change of what a lock protects, and
// at a [*Barrier] a number of parties wait for each other.
//
// A [*Value] and an [*Array] are plain memory: numbers, and arrays and structs of them, without
// pointers. They are never seen half changed. A [*Memory] is bare bytes, which other programs
// can find if it has a name ([Memory.Publish]).
//
// A [*Queue] gives every value to one of those who get, whole and once; a [*SimpleQueue] is a
// queue with less to it. A [*JoinableQueue] gives out tasks on lease: whoever gets one ends it
// with Done or Fail, and a task that nobody has ended when its consumer dies is delivered again.
//
// # Connections and managers
//
// A connection ([*Conn]) has two ends, and carries messages: typed values, bytes, and open files.
// [Pipe] makes both ends at once, of which one goes to another process as an argument; [Listen]
// and [Dial] connect programs that know no more of each other than an address and a key. A
// message arrives whole or not at all; a send that was given up is forgotten at the other end.
//
// A manager ([*Manager]) keeps things for processes that share no memory, on this machine or
// another. What it keeps has a name, if it is given one, and is used like its kin in shared
// memory: locks and queues are the same types. Besides there are variables, lists, maps, and
// objects of the program's own types ([RegisterClass]), whose handles are called proxies. The
// values in them are copied on their way in and out.
//
// # Death
//
// A process may be killed at any instruction, also in the middle of a call of this package.
// What it held then is given to the next, together with [ErrOwnerDied]: the caller has the lock
// (or the permit), and knows that what it protects may be half done. Queues put themselves in
// order: a message is delivered whole and once, or not at all. What was accepted from a
// producer that lives is delivered. See [JoinableQueue] for tasks that are to survive their
// consumer.
//
// # Waiting
//
// Whatever waits takes a context. When the context ends, the wait ends at once with its cause,
// and nothing has happened. A goroutine that waits holds no thread. Every method may be called
// by any number of goroutines at the same time, unless it says otherwise.
//
// # Systems
//
// On Linux all of this is memory that processes share: an uncontended lock costs about as much
// as a [sync.Mutex]. It needs Linux 5.6 and processes that see each other's numbers (one pid
// namespace). On other systems the same is done by a broker in the process that made the thing,
// at the price of a round trip. On Windows nothing but data can travel between processes, so that
// only [Listen], [Dial] and [DialManager] over TCP reach from one to another; what would need
// more returns an error that says so.
//
// The semantics are those of Python's multiprocessing, minus its hangs; docs/from-aioprocessing.md
// names the differences.
package ipc
