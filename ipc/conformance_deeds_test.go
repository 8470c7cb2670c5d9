//go:build linux || darwin

package ipc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// deeds are what can be done with a kit, and what is kept between them.
type deeds struct {
	mu    sync.Mutex
	owner context.Context // of the RLock
	task  *Task[packet]
	acted atomic.Int64
}

func newDeeds() *deeds { return new(deeds) }

// do does one deed.
func (d *deeds) do(ctx context.Context, k *kit, what string, n int) (r result) {
	if f, ok := deedsByName[what]; ok {
		return f(d, ctx, k, n)
	}
	return result{Err: fmt.Errorf("nobody knows how to %q", what)}
}

type deed func(d *deeds, ctx context.Context, k *kit, n int) result

// plain makes a deed of a function that has no result but an error.
func plain(f func(ctx context.Context, k *kit, n int) error) deed {
	return func(_ *deeds, ctx context.Context, k *kit, n int) result { return result{Err: f(ctx, k, n)} }
}

func tries(f func(k *kit) (bool, error)) deed {
	return func(_ *deeds, _ context.Context, k *kit, _ int) result {
		ok, err := f(k)
		return result{N: int(flag(ok)), Err: err}
	}
}

var deedsByName map[string]deed

func init() {
	deedsByName = map[string]deed{
		"lock":    plain(func(ctx context.Context, k *kit, _ int) error { return k.Lock.Lock(ctx) }),
		"trylock": tries(func(k *kit) (bool, error) { return k.Lock.TryLock() }),
		"unlock":  plain(func(_ context.Context, k *kit, _ int) error { return k.Lock.Unlock() }),
		"rlock":   (*deeds).rlock, "runlock": (*deeds).runlock,
		"count under the lock": plain(countUnderLock),
		"acquire":              plain(func(ctx context.Context, k *kit, _ int) error { return k.Semaphore.Acquire(ctx) }),
		"tryacquire":           tries(func(k *kit) (bool, error) { return k.Semaphore.TryAcquire() }),
		"release":              plain(func(_ context.Context, k *kit, n int) error { return k.Semaphore.ReleaseN(n) }),
		"permits": func(_ *deeds, _ context.Context, k *kit, _ int) result {
			n, err := k.Semaphore.Value()
			return result{N: n, Err: err}
		},
		"acquire bounded": plain(func(ctx context.Context, k *kit, _ int) error { return k.Bounded.Acquire(ctx) }),
		"release bounded": plain(func(_ context.Context, k *kit, _ int) error { return k.Bounded.Release() }),
		"set":             plain(func(_ context.Context, k *kit, _ int) error { return k.Event.Set() }),
		"clear":           plain(func(_ context.Context, k *kit, _ int) error { return k.Event.Clear() }),
		"isset":           tries(func(k *kit) (bool, error) { return k.Event.IsSet() }),
		"wait for event":  plain(func(ctx context.Context, k *kit, _ int) error { return k.Event.Wait(ctx) }),
		"poll event":      plain(func(ctx context.Context, k *kit, _ int) error { return k.Event.Poll(ctx) }),
		"await":           plain(awaitCondition),
		"notify":          plain(func(_ context.Context, k *kit, n int) error { return k.Condition.Notify(n) }),
		"pass":            (*deeds).pass,
		"abort":           plain(func(_ context.Context, k *kit, _ int) error { return k.Barrier.Abort() }),
		"reset":           plain(func(_ context.Context, k *kit, _ int) error { return k.Barrier.Reset() }),
		"waiting": func(_ *deeds, _ context.Context, k *kit, _ int) result {
			n, broken, err := k.Barrier.State()
			return result{N: n, Text: fmt.Sprint(broken), Err: err}
		},
		"increment":    plain(increment),
		"view":         plain(viewNumbers),
		"view forever": plain(func(ctx context.Context, k *kit, _ int) error { return k.Numbers.View(ctx, stayInView(k)) }),
		"put":          plain(putPacket), "put many": plain(putMany),
		"get": (*deeds).get, "get many": (*deeds).getMany,
		"close queue": plain(func(_ context.Context, k *kit, _ int) error { return k.Queue.Close() }),
		"put task":    plain(func(ctx context.Context, k *kit, n int) error { return k.Tasks.Put(ctx, packet{N: n}) }),
		"get task":    (*deeds).getTask,
		"done":        func(d *deeds, _ context.Context, _ *kit, _ int) result { return result{Err: d.task.Done()} },
		"fail":        func(d *deeds, _ context.Context, _ *kit, _ int) result { return result{Err: d.task.Fail()} },
		"join":        plain(func(ctx context.Context, k *kit, _ int) error { return k.Tasks.Join(ctx) }),
		"detach":      plain(func(_ context.Context, k *kit, _ int) error { k.detach(); return nil }),
	}
}

func (d *deeds) rlock(ctx context.Context, k *kit, _ int) result {
	d.mu.Lock()
	if d.owner != nil {
		ctx = d.owner
	}
	d.mu.Unlock()
	ctx, err := k.RLock.Lock(ctx)
	if held, _ := tried(err); held {
		d.mu.Lock()
		d.owner = context.WithoutCancel(ctx)
		d.mu.Unlock()
	}
	return result{Err: err}
}

func (d *deeds) runlock(_ context.Context, k *kit, _ int) result {
	d.mu.Lock()
	defer d.mu.Unlock()
	return result{Err: k.RLock.Unlock(d.owner)}
}

// countUnderLock adds one n times, in two steps that only the lock holds together.
func countUnderLock(ctx context.Context, k *kit, n int) error {
	for range n {
		if err := k.Lock.Lock(ctx); err != nil {
			return err
		}
		v, err1 := k.Count.Load(ctx)
		err2 := k.Count.Store(ctx, v+1)
		if err := errors.Join(err1, err2, k.Lock.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

func awaitCondition(ctx context.Context, k *kit, _ int) error {
	if err := k.Lock.Lock(ctx); err != nil {
		return err
	}
	if _, err := k.Count.Update(ctx, func(n int64) int64 { return n + 1 }); err != nil {
		return err
	}
	return errors.Join(k.Condition.Wait(ctx), k.Lock.Unlock())
}

var errAction = errors.New("the action failed")

// pass waits at the barrier. With n = 1 there is an action, with n = 2 one that fails.
func (d *deeds) pass(ctx context.Context, k *kit, n int) result {
	d.mu.Lock()
	switch n {
	case 0:
		k.Barrier.SetAction(nil)
	default:
		k.Barrier.SetAction(func() error {
			d.acted.Add(1)
			if n == 2 {
				return errAction
			}
			return nil
		})
	}
	d.mu.Unlock()
	i, err := k.Barrier.Wait(ctx)
	return result{N: i, Err: err}
}

// increment adds one n times, to a word and to something larger.
func increment(ctx context.Context, k *kit, n int) error {
	for range n {
		_, err1 := k.Count.Update(ctx, func(n int64) int64 { return n + 1 })
		_, err2 := k.Pair.Update(ctx, func(p [3]int64) [3]int64 { return [3]int64{p[0] + 1, p[1] + 1, p[2] + 1} })
		_, err3 := k.Numbers.Update(ctx, n%8, func(n int64) int64 { return n + 1 })
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
	}
	return nil
}

// viewNumbers adds one to all numbers, n times, and finds them all the same.
func viewNumbers(ctx context.Context, k *kit, n int) error {
	for range n {
		err := k.Numbers.View(ctx, func(all []int64) error {
			for i, v := range all {
				if v != all[len(all)-1] {
					return fmt.Errorf("half changed: %v at %d", all, i)
				}
			}
			for i := range all {
				all[i]++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stayInView changes half, says so, and stays.
func stayInView(k *kit) func([]int64) error {
	return func(all []int64) error {
		all[0]++
		if err := k.Event.Set(); err != nil {
			return err
		}
		select {}
	}
}

func packetOf(n int) packet {
	return packet{From: os.Getpid(), N: n, Data: bytes.Repeat([]byte{byte(n)}, n%5000)}
}

func putPacket(ctx context.Context, k *kit, n int) error { return k.Queue.Put(ctx, packetOf(n)) }

// putMany puts n packets, every tenth with a file in which its number is.
func putMany(ctx context.Context, k *kit, n int) error {
	for i := range n {
		p := packetOf(i)
		if i%10 == 0 && !k.NoFiles {
			r, w, err := os.Pipe()
			if err != nil {
				return err
			}
			fmt.Fprint(w, i)
			w.Close()
			p.File = r
		}
		err := k.Queue.Put(ctx, p)
		if p.File != nil {
			p.File.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *deeds) get(ctx context.Context, k *kit, _ int) result {
	p, err := k.Queue.Get(ctx)
	if err == nil {
		err = p.check()
	}
	return result{N: p.N, Err: err}
}

// getMany gets until the queue is closed, and counts.
func (d *deeds) getMany(ctx context.Context, k *kit, _ int) result {
	next := make(map[int]int)
	for n := 0; ; n++ {
		p, err := k.Queue.Get(ctx)
		if errors.Is(err, ErrClosed) {
			return result{N: n}
		}
		if err == nil {
			err = p.check()
		}
		if err == nil && p.N < next[p.From] {
			err = fmt.Errorf("%d of %d came after %d", p.N, p.From, next[p.From])
		}
		if err != nil {
			return result{N: n, Err: err}
		}
		next[p.From] = p.N
	}
}

func (p packet) check() error {
	if len(p.Data) != p.N%5000 || bytes.Count(p.Data, []byte{byte(p.N)}) != len(p.Data) {
		return fmt.Errorf("packet %d is torn: %d bytes", p.N, len(p.Data))
	}
	if p.File == nil {
		return nil
	}
	defer p.File.Close()
	text, err := io.ReadAll(p.File)
	if string(text) != fmt.Sprint(p.N) {
		return fmt.Errorf("packet %d has the file of %q: %v", p.N, text, err)
	}
	return nil
}

func (d *deeds) getTask(ctx context.Context, k *kit, _ int) result {
	t, err := k.Tasks.Get(ctx)
	if err != nil {
		return result{Err: err}
	}
	d.task = t
	return result{N: t.Value.N, Text: fmt.Sprint(t.Deliveries)}
}
