package ipc

import (
	"cmp"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/troupe-go/troupe/internal/shm"
)

// A taskTable is rows, one for each task, and memory in chunks for their bodies. Who holds the
// mutex of the queue works with it.
//
// What a row says in its state is all that counts: free, waiting, or leased by an owner. It
// changes by one store, when everything else is in place. The lists through rows and chunks,
// and the numbers, are only a help; after a death they are made anew from the states.
type taskTable struct {
	*tasksControl
	leases tally // how many tasks each process has leased; made anew after a death
	rows   []taskRow
	next   []atomic.Uint64 // of each chunk: the one after it in a body or among the free, + 1
	chunks []byte
}

// tasksControl is what there is one of. Lists are numbers of rows or chunks, + 1.
type tasksControl struct {
	items, rowCount, closed atomic.Uint64
	number                  atomic.Uint64 // the last one given to a task

	// Made anew after a death.
	queued, unfinished, filed atomic.Uint64
	first, last               atomic.Uint64 // of the tasks that wait
	freeRows, freeChunks      atomic.Uint64
	rowsUsed, chunksUsed      atomic.Uint64 // none from here on is in use or in a list
	chunksTaken               atomic.Uint64
}

// A taskRow is a task. state: bits 0–1 what it is; 2–21 how often it was delivered; 22–63 who
// has leased it.
type taskRow struct {
	state atomic.Uint64
	tag   atomic.Uint64 // names the task for ever
	order atomic.Uint64 // tasks wait in this order
	size  atomic.Uint64 // bytes of the body
	chunk atomic.Uint64 // the first, + 1
	files atomic.Uint64 // how many; bit 8: the body is in the first; above: its length
	link  atomic.Uint64 // the next row in a list, + 1
	_     uint64
}

const (
	taskFree = iota
	taskWaits
	taskLeased

	taskCount    = 2
	taskOwner    = 22
	taskMaxCount = 1<<20 - 1

	taskSpilled = 1 << 8
	taskChunk   = 256
	taskRowSize = int(unsafe.Sizeof(taskRow{}))
	maxTaskRows = 1 << 24
	maxFiled    = 64 // tasks with files at the same time; the sockets hold no more

	tasksLeasesAt = guardedState + 128
	tasksRowsAt   = tasksLeasesAt + 8*1024
)

func taskState(kind, count int, o shm.Owner) uint64 {
	return uint64(kind) | uint64(min(count, taskMaxCount))<<taskCount | uint64(o)<<taskOwner
}

func (r *taskRow) kind() int        { return int(r.state.Load() & 3) }
func (r *taskRow) count() int       { return int(r.state.Load() >> taskCount & taskMaxCount) }
func (r *taskRow) owner() shm.Owner { return shm.Owner(r.state.Load() >> taskOwner) }

// newTaskTable lays a table over data. It fails if there is no place for a table in it.
func newTaskTable(data []byte) (t taskTable, ok bool) {
	if len(data) < tasksRowsAt {
		return t, false
	}
	t.tasksControl = (*tasksControl)(unsafe.Pointer(&data[guardedState]))
	t.leases = unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&data[tasksLeasesAt])), shm.MaxSlots)
	rows := int(min(t.rowCount.Load(), maxTaskRows))
	data = data[tasksRowsAt:]
	n := (len(data) - rows*taskRowSize) / (8 + taskChunk)
	if rows == 0 || n < 1 {
		return t, false
	}
	t.rows = unsafe.Slice((*taskRow)(unsafe.Pointer(&data[0])), rows)
	data = data[rows*taskRowSize:]
	t.next = unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&data[0])), n)
	t.chunks = data[8*n : 8*n+taskChunk*n]
	return t, true
}

// rebuild makes the lists from the states of the rows. What was leased by owners who are gone
// waits again.
func (t *taskTable) rebuild(gone func(shm.Owner) bool) {
	var waiting []int
	for i := range t.leases {
		t.leases[i].Store(0)
	}
	taken := make([]bool, len(t.next))
	rows, chunks := 0, 0
	unfinished, filed := 0, 0
	for i := range t.inUse() {
		r := &t.rows[i]
		if r.kind() == taskFree {
			continue
		}
		rows = i + 1
		unfinished++
		t.walk(r, func(chunk int) { taken[chunk] = true; chunks = max(chunks, chunk+1) })
		if r.files.Load() > 0 {
			filed++
		}
		if r.kind() == taskLeased && gone(r.owner()) {
			r.state.Store(taskState(taskWaits, r.count(), 0))
		}
		if r.kind() == taskWaits {
			waiting = append(waiting, i)
		} else {
			t.leased(r.owner(), +1)
		}
	}
	for _, w := range []*atomic.Uint64{&t.queued, &t.first, &t.last, &t.freeRows, &t.freeChunks} {
		w.Store(0)
	}
	t.unfinished.Store(uint64(unfinished))
	t.filed.Store(uint64(filed))
	for i := range rows {
		if t.rows[i].kind() == taskFree {
			t.freeRow(i)
		}
	}
	t.chunksTaken.Store(uint64(chunks))
	for i := range chunks {
		if !taken[i] {
			t.freeChunk(i)
		}
	}
	t.rowsUsed.Store(uint64(rows))
	t.chunksUsed.Store(uint64(chunks))
	slices.SortFunc(waiting, t.inOrder)
	for _, i := range waiting {
		t.enqueue(i)
	}
}

func (t *taskTable) inOrder(i, j int) int {
	return cmp.Compare(t.rows[i].order.Load(), t.rows[j].order.Load())
}

// leased changes how many tasks an owner has.
func (t *taskTable) leased(o shm.Owner, n int) { t.leases.set(o, t.leases.of(o)+n) }

// takeBack puts the tasks of an owner back in front of those that wait, in their order.
func (t *taskTable) takeBack(o shm.Owner) {
	var all []int
	for i := range t.inUse() {
		if r := &t.rows[i]; r.kind() == taskLeased && r.owner() == o {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, t.inOrder)
	for _, i := range slices.Backward(all) {
		t.rows[i].state.Store(taskState(taskWaits, t.rows[i].count(), 0))
		t.enqueueFirst(i)
	}
	t.leases.set(o, 0)
}

// inUse is how many rows, from the first, may have tasks.
func (t *taskTable) inUse() int { return min(int(t.rowsUsed.Load()), len(t.rows)) }

// take takes from a list of free things, or else the first of n that was never used.
func take(list, used *atomic.Uint64, n int, next func(i int) *atomic.Uint64) (i int, ok bool) {
	first := list.Load()
	switch {
	case first > uint64(n) || first == 0 && used.Load() >= uint64(n):
		return 0, false
	case first > 0:
		i = int(first - 1)
		list.Store(next(i).Load())
		return i, true
	}
	return int(used.Add(1) - 1), true
}

func (t *taskTable) rowLink(i int) *atomic.Uint64   { return &t.rows[i].link }
func (t *taskTable) chunkLink(i int) *atomic.Uint64 { return &t.next[i] }

func (t *taskTable) freeRow(i int) {
	t.rows[i].link.Store(t.freeRows.Load())
	t.freeRows.Store(uint64(i + 1))
}

func (t *taskTable) freeChunk(i int) {
	t.next[i].Store(t.freeChunks.Load())
	t.freeChunks.Store(uint64(i + 1))
	t.chunksTaken.Add(^uint64(0))
}

// walk calls f for the chunks of a body.
func (t *taskTable) walk(r *taskRow, f func(chunk int)) {
	at := r.chunk.Load()
	for range chunksFor(int(r.size.Load())) {
		if at == 0 || at > uint64(len(t.next)) {
			return
		}
		next := t.next[at-1].Load()
		f(int(at - 1))
		at = next
	}
}

func chunksFor(bytes int) int { return (bytes + taskChunk - 1) / taskChunk }

// enqueue appends a row to the list of tasks that wait.
func (t *taskTable) enqueue(i int) {
	t.rows[i].link.Store(0)
	if last := t.last.Load(); last > 0 && last <= uint64(len(t.rows)) {
		t.rows[last-1].link.Store(uint64(i + 1))
	} else {
		t.first.Store(uint64(i + 1))
	}
	t.last.Store(uint64(i + 1))
	t.queued.Add(1)
}

// enqueueFirst puts a row in front of all tasks that wait.
func (t *taskTable) enqueueFirst(i int) {
	t.rows[i].link.Store(t.first.Load())
	if t.last.Load() == 0 {
		t.last.Store(uint64(i + 1))
	}
	t.first.Store(uint64(i + 1))
	t.queued.Add(1)
}

// front returns the first of the tasks that wait.
func (t *taskTable) front() (i int, ok bool) {
	first := t.first.Load()
	return int(first) - 1, first > 0 && first <= uint64(len(t.rows))
}

// dequeue removes the front from the list.
func (t *taskTable) dequeue() {
	i, _ := t.front()
	next := t.rows[i].link.Load()
	t.first.Store(next)
	if next == 0 {
		t.last.Store(0)
	}
	t.queued.Add(^uint64(0))
}

// room reports whether a task with such a body fits in.
func (t *taskTable) room(bytes, files int) bool {
	rows := t.freeRows.Load() != 0 || int(t.rowsUsed.Load()) < len(t.rows)
	chunks := int(t.chunksTaken.Load())+chunksFor(bytes) <= len(t.next)
	return rows && chunks && t.queued.Load() < t.items.Load() && (files == 0 || t.filed.Load() < maxFiled)
}

// add writes a new task into a free row; it exists when its state says so. There is room, if the
// table is sound.
func (t *taskTable) add(tag uint64, body []byte, files uint64) (i int, ok bool) {
	i, ok = take(&t.freeRows, &t.rowsUsed, len(t.rows), t.rowLink)
	if !ok || t.rows[i].kind() != taskFree {
		return 0, false
	}
	r := &t.rows[i]
	r.tag.Store(tag)
	r.order.Store(tag)
	r.size.Store(uint64(len(body)))
	r.files.Store(files)
	link := &r.chunk
	for len(body) > 0 {
		at, ok := take(&t.freeChunks, &t.chunksUsed, len(t.next), t.chunkLink)
		if !ok {
			return 0, false
		}
		t.chunksTaken.Add(1)
		link.Store(uint64(at + 1))
		link = &t.next[at]
		body = body[copy(t.chunk(at), body):]
	}
	link.Store(0)
	return i, true
}

func (t *taskTable) chunk(i int) []byte { return t.chunks[i*taskChunk : (i+1)*taskChunk] }

// read copies the body of a task.
func (t *taskTable) read(r *taskRow, into []byte) {
	t.walk(r, func(i int) { into = into[copy(into, t.chunk(i)):] })
}

// remove gives back what a task had, whose state is free already.
func (t *taskTable) remove(i int) {
	r := &t.rows[i]
	t.walk(r, t.freeChunk)
	if r.files.Load() > 0 {
		t.filed.Add(^uint64(0))
	}
	t.freeRow(i)
	t.unfinished.Add(^uint64(0))
}
