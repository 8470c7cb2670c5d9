package ipc

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedTasks is a table of tasks under one mutex. All who wait, for a task, for room or for
// the end of all tasks, wait for the same bell, and look again.
type sharedTasks struct {
	guarded
	taskTable
	store  taskStore
	looked time.Time // for the dead; guarded by the mutex
}

var tasksLayout = shm.Layout{Kind: regionTasks, Bells: 1, Extra: 2}

func makeTasks(limits queueLimits) (taskBackend, error) {
	if limits.bytes > maxRing || limits.items > maxItems {
		return nil, fmt.Errorf("ipc: a queue of %d tasks and %d bytes: want at most %d tasks and %d bytes", limits.items, limits.bytes, maxItems, maxRing)
	}
	rows := limits.items + 1024 // for what is leased
	chunks := max(limits.bytes/taskChunk, 64)
	pair, err := newCarrier()
	if err != nil {
		return nil, err
	}
	l := tasksLayout
	l.Size = tasksRowsAt + rows*taskRowSize + chunks*(8+taskChunk)
	s, err := newShared(shm.Create(l, pair...))
	if err != nil {
		return nil, err
	}
	// Only now there is a table in it.
	s.Word(guardedState).Store(uint64(limits.items))
	s.Word(guardedState + 8).Store(uint64(rows))
	return newSharedTasks(s, nil)
}

func openTasks(d *wire.Decoder) (taskBackend, error) {
	return newSharedTasks(openShared(d, tasksLayout))
}

func newSharedTasks(s *shared, err error) (taskBackend, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	table, ok := newTaskTable(s.Data())
	if !ok {
		_ = s.detach()
		return nil, wire.ErrMalformed
	}
	t := &sharedTasks{guarded: g, taskTable: table, store: taskStore{s.Region}}
	t.repair = func() {
		t.mark.Ring()
		t.rebuild(t.gone)
	}
	return t, nil
}

func (t *sharedTasks) handle() handle { return t.shared }

func (t *sharedTasks) put(ctx context.Context, e *wire.Encoder) error {
	defer runtime.KeepAlive(t)
	m, err := packParcel(e, len(t.chunks)/8)
	if err != nil {
		return err
	}
	defer m.close()
	body, files := m.body, uint64(m.header.files)
	if m.header.flags&flagSpilled != 0 {
		files |= taskSpilled | uint64(len(body))<<9
		body = nil
	}
	err = t.enter(ctx)
	for err == nil {
		switch {
		case t.closed.Load() != 0:
			err = ErrClosed
		case t.room(len(body), int(files)):
			err = t.accept(body, files, m.files)
			t.leave()
			return err
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		default:
			err = t.sleep(ctx)
			continue
		}
		t.leave()
	}
	return err
}

// accept makes a task of a message, for which there is room.
func (t *sharedTasks) accept(body []byte, files uint64, fds []int) error {
	tag := t.number.Add(1)
	if len(fds) > 0 {
		if err := t.store.add(tag, fds); err != nil {
			return err
		}
		t.filed.Add(1)
	}
	i, ok := t.add(tag, body, files)
	if !ok {
		return errCorrupt
	}
	t.mark.Ring()
	t.rows[i].state.Store(taskState(taskWaits, 0, 0))
	t.enqueue(i)
	t.unfinished.Add(1)
	return nil
}

func (t *sharedTasks) get(ctx context.Context) (d delivery, err error) {
	defer runtime.KeepAlive(t)
	if err := t.enter(ctx); err != nil {
		return d, err
	}
	i, ok := t.front()
	if ok && t.due() {
		_ = t.reclaim() // if it cannot be told who lives, there is a task all the same
		i, ok = t.front()
	}
	if !ok {
		if i, err = t.await(ctx); err != nil {
			return d, err
		}
	}
	defer t.leave()
	return t.lease(i)
}

// await waits for a task. The state is locked, and locked again when await returns no error. Of
// several in this process one waits, and the others behind it.
func (t *sharedTasks) await(ctx context.Context) (i int, err error) {
	for waiting := false; ; {
		err := t.reclaim()
		i, ok := t.front()
		switch {
		case err != nil:
		case ok:
			return i, nil
		case t.closed.Load() != 0 && t.unfinished.Load() == 0:
			err = ErrClosed
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case !waiting:
			t.leave()
			if err := t.line.take(ctx); err != nil {
				return 0, err
			}
			defer t.line.give()
			waiting = true
			if err := t.enter(ctx); err != nil {
				return 0, err
			}
			continue
		default:
			if err := t.sleep(ctx); err != nil {
				return 0, err
			}
			continue
		}
		t.leave()
		return 0, err
	}
}

// lease leases the task at the front to this process.
func (t *sharedTasks) lease(i int) (d delivery, err error) {
	r := &t.rows[i]
	files := r.files.Load()
	e := ringEntry{length: int(r.size.Load()), files: int(files & 0xff)}
	if files&taskSpilled != 0 {
		e.flags, e.length = flagSpilled, int(files>>9)
	} else if uint64(e.length) > uint64(len(t.chunks)) {
		return d, errCorrupt
	}
	m := newParcel(e)
	if files > 0 {
		if m.Files, err = t.store.find(r.tag.Load(), int(files&0xff), t.lives); err != nil {
			m.free()
			return d, err
		}
	}
	if files&taskSpilled != 0 {
		err = m.unspill()
	} else {
		t.read(r, m.Bytes)
	}
	if err != nil {
		_ = m.Close()
		m.free()
		return d, err
	}
	count := r.count() + 1
	r.state.Store(taskState(taskLeased, count, t.Self()))
	t.leased(t.Self(), +1)
	t.dequeue()
	return delivery{body: &m.Decoder, parcel: m, lease: uint64(i)<<40 | r.tag.Load()&(1<<40-1), count: count}, nil
}

// lives reports whether there is a task with a tag.
func (t *sharedTasks) lives(tag uint64) bool {
	for i := range t.inUse() {
		if r := &t.rows[i]; r.kind() != taskFree && r.tag.Load() == tag {
			return true
		}
	}
	return false
}

// reclaim puts the tasks of the dead back, and has the others who have tasks watched, so that
// their death rings. The state is locked.
func (t *sharedTasks) reclaim() (err error) {
	t.looked = time.Now()
	t.leases.each(t.Region, func(o shm.Owner, _ int) bool {
		alive, failed := t.Alive(o)
		switch {
		case failed != nil:
			err = failed
		case !alive:
			t.mark.Ring()
			t.takeBack(o)
		}
		return true
	})
	return err
}

// due reports that it is time to look for the dead, though there are tasks that wait.
func (t *sharedTasks) due() bool {
	return t.leases.stale(t.Self()) || time.Since(t.looked) > lookInterval
}

const lookInterval = time.Millisecond

// gone reports that an owner is certainly no more.
func (t *sharedTasks) gone(o shm.Owner) bool {
	alive, err := t.Alive(o)
	return !alive && err == nil
}

func (t *sharedTasks) settle(lease uint64, done bool) error {
	if err := t.enter(context.Background()); err != nil {
		return err
	}
	defer t.leave()
	i := int(lease >> 40)
	if i >= len(t.rows) {
		return ErrNotOwner
	}
	r := &t.rows[i]
	if r.kind() != taskLeased || r.owner() != t.Self() || r.tag.Load()&(1<<40-1) != lease&(1<<40-1) {
		return ErrNotOwner
	}
	t.mark.Ring()
	t.leased(t.Self(), -1)
	if !done {
		r.order.Store(t.number.Add(1))
		r.state.Store(taskState(taskWaits, r.count(), 0))
		t.enqueue(i)
		return nil
	}
	r.state.Store(taskFree)
	if r.files.Load() > 0 {
		t.store.remove(r.tag.Load(), t.lives)
	}
	t.remove(i)
	return nil
}

func (t *sharedTasks) join(ctx context.Context) error {
	err := t.enter(ctx)
	for err == nil {
		if err = t.reclaim(); err == nil && t.unfinished.Load() > 0 {
			if err = context.Cause(ctx); err == nil {
				err = t.sleep(ctx)
				continue
			}
		}
		t.leave()
		return err
	}
	return err
}

func (t *sharedTasks) ready(ctx context.Context) error {
	err := t.enter(ctx)
	for err == nil {
		_, ok := t.front()
		if err = t.reclaim(); err == nil && !ok && (t.closed.Load() == 0 || t.unfinished.Load() > 0) {
			if _, ok = t.front(); !ok {
				if err = context.Cause(ctx); err == nil {
					err = t.sleep(ctx)
					continue
				}
			}
		}
		t.leave()
		return err
	}
	return err
}

func (t *sharedTasks) control(end bool) (queueState, error) {
	if err := t.enter(context.Background()); err != nil {
		return queueState{}, err
	}
	defer t.leave()
	if end && t.closed.Load() == 0 {
		t.mark.Ring()
		t.closed.Store(1)
	}
	return queueState{int(t.queued.Load()), int(t.unfinished.Load()), t.closed.Load() != 0}, nil
}
