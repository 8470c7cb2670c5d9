package shm

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// threads counts the threads of this process.
func threads(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestWaitingHoldsNoThread(t *testing.T) {
	p := newRegion4Test(t)
	holder := start(t, "hold", p)
	holder.read()
	before := threads(t)
	var wg, begun sync.WaitGroup
	ctx, cancel := context.WithCancel(soon(t))
	wait := func(f func(context.Context) error) {
		begun.Add(1)
		wg.Go(func() {
			begun.Done()
			if err := f(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for range 100 {
		r := newRegion4Test(t)
		mark := r.Mark(64, 1)
		ticket := mark.Set()
		wait(func(ctx context.Context) error { return mark.Wait(ctx, ticket) })
		wait(p.NewMutex(0, 0).Lock) // each for itself, as if in many processes
	}
	begun.Wait()
	if n := threads(t) - before; n > 10 {
		t.Errorf("200 goroutines that wait have %d threads", n)
	}
	cancel()
	wg.Wait()
}

func TestRingWakesAll(t *testing.T) {
	r := newRegion4Test(t)
	mark := r.Mark(64, 0)
	for range 100 {
		var wg sync.WaitGroup
		ticket := mark.Set()
		for range 5 {
			wg.Go(func() {
				for mark.rings.Load() == uint64(ticket) {
					if err := mark.Wait(soon(t), ticket); err != nil {
						t.Error(err)
					}
				}
			})
		}
		mark.Ring()
		wg.Wait()
	}
}

// Those who follow are not left alone when the one who leads gives up.
func TestLeaderGivesUp(t *testing.T) {
	r := newRegion4Test(t)
	mark := r.Mark(64, 0)
	for range 100 {
		ticket := mark.Set()
		ctx, cancel := context.WithCancel(soon(t))
		ended := make(chan error, 2)
		go func() { ended <- mark.Wait(ctx, ticket) }()
		woken := make(chan error, 1)
		go func() {
			var err error
			for err == nil && mark.rings.Load() == uint64(ticket) {
				err = mark.Wait(soon(t), ticket)
			}
			woken <- err
		}()
		cancel()
		<-ended
		mark.Ring()
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
	}
}

func TestG63_CancelledWait(t *testing.T) {
	r := newRegion4Test(t)
	p := start(t, "hold", r)
	p.read()
	m := r.NewMutex(0, 0)
	cause := errors.New("cause")
	var worst time.Duration
	for range 100 {
		ctx, cancel := context.WithCancelCause(soon(t))
		got := make(chan error)
		go func() { got <- m.Lock(ctx) }()
		began := time.Now()
		cancel(cause)
		if err := <-got; !errors.Is(err, cause) {
			t.Fatal(err)
		}
		worst = max(worst, time.Since(began))
	}
	ctx, cancel := context.WithTimeout(soon(t), time.Millisecond)
	defer cancel()
	if err := m.Lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	t.Log("the longest took", worst)
}

func TestBellThatIsNone(t *testing.T) {
	r, err := Create(testLayout)
	if err != nil {
		t.Fatal(err)
	}
	files := copies(t, r)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	unix.Close(files[1])
	files[1] = dupInt(t, int(file.Fd()))
	file.Close()
	r2, err := Open(testLayout, files)
	if err != nil {
		t.Fatal(err)
	}
	defer r2.Release()
	mark := r2.Mark(64, 0)
	for range 2 {
		if err := mark.Wait(soon(t), mark.Set()); err == nil || !strings.Contains(err.Error(), "cannot be waited for") {
			t.Fatal(err)
		}
	}
}
