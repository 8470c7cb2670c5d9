// Package pool is the engine of osproc.Pool: it hands tasks to workers, gets their results
// back, and puts right what goes wrong on the way. It knows nothing of types: tasks and
// results are bytes to it, which a [Work] in the parent and a [Runner] in the worker encode
// and decode.
//
// # Words
//
// A Work is tasks that somebody submitted together, or that a [Source] gave. A span is a run
// of tasks of one work. A member is a worker as the parent sees it; what it was sent and has
// not answered is its load. An executor is what runs tasks in the worker; there is one unless
// the pool runs several tasks at once in a worker.
//
// # A task's way
//
//	Submit → queue → dispatch → member.outbox → flush → (socket) → executor → Runner
//	Finish ← Work.Decode ← member.answer ← (socket) ← executor
//
// A member may hold more tasks than it runs, so that neither side waits for the other: as
// many as take about a [target] of time, which is measured all the time. What it holds and
// has not begun can be taken back, when it turns out that one of its tasks takes long
// (slow.go).
//
// # Whose task it was
//
// Each executor has a word in memory that it shares with the parent. In it is the number of
// the task that it runs, and it changes by a single compare-and-swap. So the parent knows
// exactly which task was running when the worker died, and which tasks a worker can be made
// to give back: for that the parent sets a flag in the word, which makes the executor's next
// swap fail.
//
// # Locks
//
// Pool.mu guards all that the parent knows about queue and members. Nothing is encoded,
// decoded, sent or waited for under it; Work.Gone and Source.Next are called under it. When
// a task is given to another member, nobody encodes it for the first one any more: see
// member.settle. So a work whose tasks are all finished is its owner's again.
package pool
