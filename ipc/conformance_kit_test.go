//go:build linux || darwin

package ipc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
)

// The conformance tests run every primitive in every family: in shared memory, through the
// broker that stands in for it, and through a manager in another process, by a pipe and by TCP.
// What they expect is the same for all of them.

// A kit is one of each.
type kit struct {
	Lock      *Lock
	RLock     *RLock
	Semaphore *Semaphore        // of 2
	Bounded   *BoundedSemaphore // of 1
	Event     *Event
	Condition *Condition // of Lock
	Barrier   *Barrier   // for 3
	Count     *Value[int64]
	Pair      *Value[[3]int64]
	Numbers   *Array[int64] // 8
	Queue     *Queue[packet]
	Tasks     *JoinableQueue[packet]
	NoFiles   bool // the queue carries none
}

// A packet is what goes through the queues.
type packet struct {
	From, N int
	Data    []byte
	File    *os.File
}

const kitItems = 4 // of a kit's queues

func (k *kit) detach() {
	for _, h := range []interface{ Detach() error }{
		k.Lock, k.RLock, k.Semaphore, k.Bounded, k.Event, k.Condition, k.Condition.Locker(), k.Barrier, k.Count, k.Pair, k.Numbers, k.Queue, k.Tasks,
	} {
		_ = h.Detach()
	}
}

// must is for a row of calls of which none may fail.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// families make kits.
var families = []struct {
	name string
	make func(t testing.TB) *kit
}{
	{"memory", memoryKit},
	{"broker", brokerKit},
	{"manager", func(t testing.TB) *kit { return managerKit(t, localManager(t)) }},
	{"manager in a child", func(t testing.TB) *kit { return managerKit(t, childManager(t, false)) }},
	{"manager by TCP", func(t testing.TB) *kit {
		k := managerKit(t, childManager(t, true))
		k.NoFiles = true
		return k
	}},
}

func memoryKit(t testing.TB) *kit {
	if runtime.GOOS != "linux" {
		t.Skip("shared memory is for Linux")
	}
	l := must[*Lock](t)(NewLock())
	return &kit{
		Lock:      l,
		RLock:     must[*RLock](t)(NewRLock()),
		Semaphore: must[*Semaphore](t)(NewSemaphore(2)),
		Bounded:   must[*BoundedSemaphore](t)(NewBoundedSemaphore(1)),
		Event:     must[*Event](t)(NewEvent()),
		Condition: must[*Condition](t)(NewCondition(l)),
		Barrier:   must[*Barrier](t)(NewBarrier(3)),
		Count:     must[*Value[int64]](t)(NewValue(int64(0))),
		Pair:      must[*Value[[3]int64]](t)(NewValue([3]int64{})),
		Numbers:   must[*Array[int64]](t)(NewArray[int64](8)),
		Queue:     must[*Queue[packet]](t)(NewQueue[packet](kitItems)),
		Tasks:     must[*JoinableQueue[packet]](t)(NewJoinableQueue[packet](kitItems)),
	}
}

func brokerKit(t testing.TB) *kit {
	l := must[lockBackend](t)(newBrokerLock())
	r := must[lockBackend](t)(newBrokerLock())
	limits := queueLimits{kitItems, defaultQueueBytes}
	k := managerKit(t, localManager(t)) // for the codecs of the queues
	k.Count, k.Pair, k.Numbers = brokerCellsKit(t)
	k.Lock, k.RLock = &Lock{l}, &RLock{r, holdingOf(r)}
	k.Semaphore = &Semaphore{must[semaphoreBackend](t)(newBrokerSemaphore(2, false))}
	k.Bounded = &BoundedSemaphore{Semaphore{must[semaphoreBackend](t)(newBrokerSemaphore(1, true))}}
	k.Event = &Event{must[eventBackend](t)(newBrokerEvent())}
	k.Condition = &Condition{must[conditionBackend](t)(newBrokerCondition()), k.Lock}
	k.Barrier = &Barrier{b: must[barrierBackend](t)(newBrokerBarrier(3)), parties: 3}
	k.Queue.b = must[queueBackend](t)(newBrokerQueue(limits))
	k.Tasks.b = must[taskBackend](t)(newBrokerTasks(limits))
	return k
}

// brokerCellsKit makes values of the broker: managers have none.
func brokerCellsKit(t testing.TB) (*Value[int64], *Value[[3]int64], *Array[int64]) {
	cells := must[cellsBackend](t)
	return &Value[int64]{b: cells(newBrokerCells(8, 1))}, &Value[[3]int64]{b: cells(newBrokerCells(24, 1))},
		&Array[int64]{b: cells(newBrokerCells(8, 8))}
}

func managerKit(t testing.TB, m *Manager) *kit {
	ctx := t.Context()
	l := must[*Lock](t)(m.Lock(ctx, ""))
	k := &kit{
		Lock:      l,
		RLock:     must[*RLock](t)(m.RLock(ctx, "")),
		Semaphore: must[*Semaphore](t)(m.Semaphore(ctx, "", 2)),
		Bounded:   must[*BoundedSemaphore](t)(m.BoundedSemaphore(ctx, "", 1)),
		Event:     must[*Event](t)(m.Event(ctx, "")),
		Condition: must[*Condition](t)(m.Condition(ctx, "", l)),
		Barrier:   must[*Barrier](t)(m.Barrier(ctx, "", 3)),
		Queue:     must[*Queue[packet]](t)(OpenQueue[packet](ctx, m, "", kitItems)),
		Tasks:     must[*JoinableQueue[packet]](t)(OpenJoinableQueue[packet](ctx, m, "", kitItems)),
	}
	cells := func(size, count uint64) cellsBackend {
		return brokerCells{must[*remote](t)(m.open(ctx, kindCells, "", size, count)), int(size), int(count)}
	}
	k.Count, k.Pair, k.Numbers = &Value[int64]{b: cells(8, 1)}, &Value[[3]int64]{b: cells(24, 1)}, &Array[int64]{b: cells(8, 8)}
	return k
}

func localManager(t testing.TB) *Manager {
	m := NewManager()
	t.Cleanup(func() { m.Close() })
	return m
}

// roleManager is a process with a manager in it.
var roleManager = addRole("manager", func(ctx context.Context, parent *Conn) error {
	m := NewManager()
	defer m.Close()
	l, err := Listen("tcp", "127.0.0.1:0", ConnConfig{Key: key})
	if err != nil {
		return err
	}
	go m.Serve(ctx, l)
	if err := errors.Join(Send(ctx, parent, m), Send(ctx, parent, l.Addr().String())); err != nil {
		return err
	}
	return parent.Poll(ctx)
})

// childManager is a manager in another process, reached by the pipe that it came with, or by TCP.
func childManager(t testing.TB, tcp bool) *Manager {
	t.Helper()
	c := startRole(t, roleManager)
	m := hear[*Manager](t, c.Conn)
	address := hear[string](t, c.Conn)
	if tcp {
		m.Close()
		m = must[*Manager](t)(DialManager(t.Context(), "tcp", address, ConnConfig{Key: key}))
		if p, ok := m.r.link.transport.(*client); !ok || p.conn.c.carriesFiles() {
			t.Fatal("the manager is not reached by TCP")
		}
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// An actor does deeds with a kit, each in its own time: this process, or another.
type actor interface {
	// begin begins a deed, which ends with its context; the channel gets its result.
	begin(ctx context.Context, what string, n int) <-chan result
	kill()
}

// A result is what came of a deed.
type result struct {
	N    int
	Text string
	Err  error
}

// finish does a deed and waits for its result.
func finish(t testing.TB, a actor, what string, n int) result {
	t.Helper()
	r := <-a.begin(t.Context(), what, n)
	return r
}

// want does a deed that must end with an error that is err.
func want(t testing.TB, a actor, what string, n int, err error) result {
	t.Helper()
	r := finish(t, a, what, n)
	if !errors.Is(r.Err, err) {
		t.Fatalf("%s: %v, want %v", what, r.Err, err)
	}
	return r
}

// here is this process.
type here struct {
	*kit
	*deeds
}

func (h here) kill() { panic("this process cannot be killed") }

func (h here) begin(ctx context.Context, what string, n int) <-chan result {
	done := make(chan result, 1)
	go func() { done <- h.do(ctx, h.kit, what, n) }()
	return done
}

// An order goes to a child, and a report comes back.
type order struct {
	ID     int
	Cancel bool
	What   string
	N      int
}

type report struct {
	ID int
	result
}

// there is another process.
type there struct {
	*child
	mu   sync.Mutex
	last int
	done map[int]chan result
}

var rolePerform = addRole("perform", func(ctx context.Context, parent *Conn) error {
	registerErrors()
	k, err := Receive[kit](ctx, parent)
	if err != nil {
		return err
	}
	d := newDeeds()
	cancels := make(map[int]context.CancelFunc)
	for {
		o, err := Receive[order](ctx, parent)
		if err != nil {
			return nil
		}
		if o.Cancel {
			cancels[o.ID]()
			continue
		}
		one, cancel := context.WithCancel(ctx)
		cancels[o.ID] = cancel
		go func() {
			if err := Send(ctx, parent, report{o.ID, d.do(one, &k, o.What, o.N)}); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
})

// newActor starts a process that has a handle of all of k.
func newActor(t testing.TB, k *kit) *there {
	t.Helper()
	registerErrors()
	a := &there{child: startRole(t, rolePerform), done: make(map[int]chan result)}
	tell(t, a.Conn, *k)
	go func() {
		for {
			r, err := Receive[report](context.Background(), a.Conn)
			a.mu.Lock()
			if err != nil {
				for _, done := range a.done {
					done <- result{Err: errKilled}
				}
				a.done = nil
				a.mu.Unlock()
				return
			}
			a.done[r.ID] <- r.result
			delete(a.done, r.ID)
			a.mu.Unlock()
		}
	}()
	return a
}

var errKilled = errors.New("the child was killed")

func (a *there) begin(ctx context.Context, what string, n int) <-chan result {
	done := make(chan result, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done == nil {
		done <- result{Err: errKilled}
		return done
	}
	a.last++
	id := a.last
	a.done[id] = done
	if err := Send(context.Background(), a.Conn, order{ID: id, What: what, N: n}); err != nil {
		delete(a.done, id)
		done <- result{Err: errKilled}
		return done
	}
	context.AfterFunc(ctx, func() { _ = Send(context.Background(), a.Conn, order{ID: id, Cancel: true}) })
	return done
}
