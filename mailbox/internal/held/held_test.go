package held

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// A desk is a store that writes nothing down and notes what it was asked for.
type desk struct {
	queue *Queue[int]

	mu      sync.Mutex
	loads   int
	bumps   []*Item[int]
	settled []Outcome[int]
}

func (d *desk) Load() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loads++
}

func (d *desk) Bump(items []*Item[int]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bumps = append(d.bumps, items...)
}

func (d *desk) Settled(done []Outcome[int]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settled = append(d.settled, done...)
}

// bumped returns what is to be written down.
func (d *desk) bumped() []*Item[int] {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bumps
}

func newDesk(window int) *desk {
	d := &desk{}
	d.queue = New[int](d, window)
	return d
}

// items are new mail whose first hand-out is safe.
func items(lane int, bodies ...string) (list []*Item[int]) {
	for i, body := range bodies {
		list = append(list, &Item[int]{Mail: mailbox.Mail{Body: []byte(body)}, Lane: lane, Ref: i, Safe: 1})
	}
	return list
}

var none = [Lanes]Behind{None, None, None}

// fetch fetches up to n and returns bodies and counts.
func (d *desk) fetch(t *testing.T, n int, wake func()) (got []mailbox.Delivery, text string) {
	t.Helper()
	into := make([]mailbox.Delivery, n)
	n, err := d.queue.Fetch(into, wake)
	if err != nil {
		t.Fatal("Fetch:", err)
	}
	for _, m := range into[:n] {
		text += fmt.Sprintf("%s#%d ", m.Body, m.Count)
	}
	return into[:n], text
}

func (d *desk) wantFetch(t *testing.T, n int, want string) []mailbox.Delivery {
	t.Helper()
	got, text := d.fetch(t, n, nil)
	if text != want {
		t.Fatalf("fetched %q, want %q", text, want)
	}
	return got
}

func TestLanesInOrder(t *testing.T) {
	d := newDesk(10)
	d.queue.Add(items(LaneOf(mailbox.Low), "e"), none)
	d.queue.Add(items(LaneOf(mailbox.Normal), "c", "d"), none)
	d.queue.Add(items(LaneOf(mailbox.High), "a", "b"), none)
	d.wantFetch(t, 10, "a#1 b#1 c#1 d#1 e#1 ")
}

func TestWindow(t *testing.T) {
	d := newDesk(2)
	d.queue.Add(items(1, "a", "b", "c"), none)
	got := d.wantFetch(t, 10, "a#1 b#1 ")
	woken := 0
	if _, text := d.fetch(t, 10, func() { woken++ }); text != "" {
		t.Fatalf("fetched %q beyond the window", text)
	}
	if err := d.queue.Settle([]mailbox.Outcome{{Key: got[0].Key}}); err != nil {
		t.Fatal(err)
	}
	if woken != 1 || len(d.settled) != 1 {
		t.Errorf("woken %d times, %d outcomes; want 1 and 1", woken, len(d.settled))
	}
	d.wantFetch(t, 10, "c#1 ")
}

// TestG70_RetryIsWrittenFirst: what comes again is not handed out before that is safe,
// and alone.
func TestG70_RetryIsWrittenFirst(t *testing.T) {
	d := newDesk(10)
	d.queue.Add(items(1, "a", "b"), none)
	got := d.wantFetch(t, 2, "a#1 b#1 ")
	d.queue.Settle([]mailbox.Outcome{{Key: got[0].Key, Verdict: mailbox.Retry}, {Key: got[1].Key, Verdict: mailbox.Untouched}})
	woken := 0
	if _, text := d.fetch(t, 2, func() { woken++ }); text != "" || len(d.bumps) != 1 {
		t.Fatalf("fetched %q, %d to be written; want one to be written first", text, len(d.bumps))
	}
	d.queue.Bumped(d.bumps)
	if woken != 1 {
		t.Fatalf("woken %d times, want once", woken)
	}
	again := d.wantFetch(t, 2, "a#2 ")
	d.wantFetch(t, 2, "")
	d.queue.Settle([]mailbox.Outcome{{Key: again[0].Key}})
	d.wantFetch(t, 2, "b#1 ")
}

// TestRetryAtALaterTime: the owner is woken when the time has come, and not before.
func TestRetryAtALaterTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(10)
		d.queue.Add(items(1, "a"), none)
		got := d.wantFetch(t, 1, "a#1 ")
		d.queue.Settle([]mailbox.Outcome{{Key: got[0].Key, Verdict: mailbox.Retry, At: time.Now().Add(time.Hour)}})
		woken := 0
		d.fetch(t, 1, func() { woken++ })
		<-time.After(time.Hour - 1)
		synctest.Wait()
		if len(d.bumped()) > 0 {
			t.Fatal("it comes again too early")
		}
		<-time.After(2)
		synctest.Wait()
		d.queue.Bumped(d.bumped())
		if woken != 1 {
			t.Fatalf("woken %d times, want once", woken)
		}
		d.wantFetch(t, 1, "a#2 ")
		d.queue.Close()
	})
}

// TestLoadsAhead: the store is asked for more before the queue is empty, and once.
func TestLoadsAhead(t *testing.T) {
	d := newDesk(4)
	d.queue.Add(items(1, "a", "b", "c"), [Lanes]Behind{None, Some, None})
	if d.loads != 0 {
		t.Fatalf("%d loads with 3 of 4 at hand", d.loads)
	}
	got := d.wantFetch(t, 2, "a#1 b#1 ")
	d.queue.Settle([]mailbox.Outcome{{Key: got[0].Key}, {Key: got[1].Key}})
	if want := d.queue.Want(); d.loads != 1 || want != [Lanes]int{0, 3, 0} {
		t.Errorf("%d loads, want %v; want one load of 3", d.loads, want)
	}
	d.queue.More(1) // comes while it is loaded: the load may not have seen it
	d.queue.Add(items(1, "d"), none)
	if !d.queue.Behind() {
		t.Error("mail that came during a load was forgotten")
	}
}

// TestHigherLaneFirst: lower priorities wait for what the store has of a higher one.
func TestHigherLaneFirst(t *testing.T) {
	d := newDesk(4)
	d.queue.Add(items(1, "low"), none)
	d.queue.More(0)
	d.wantFetch(t, 1, "")
	if d.loads != 1 {
		t.Fatalf("%d loads, want one", d.loads)
	}
	d.queue.Add(items(0, "high"), none)
	d.wantFetch(t, 2, "high#1 low#1 ")
}

func TestFailAndClose(t *testing.T) {
	d := newDesk(4)
	d.queue.Add(items(1, "a", "b"), none)
	got := d.wantFetch(t, 1, "a#1 ")
	woken := 0
	d.fetch(t, 0, func() { woken++ })
	d.queue.Fail(mailbox.ErrStopped)
	if _, err := d.queue.Fetch(make([]mailbox.Delivery, 1), nil); !errors.Is(err, mailbox.ErrStopped) {
		t.Errorf("Fetch returned %v, want ErrStopped", err)
	}
	if err := d.queue.Settle([]mailbox.Outcome{{Key: got[0].Key, Verdict: mailbox.Untouched}}); err != nil {
		t.Errorf("Settle of a stopped address returned %v", err)
	}
	d.queue.Fail(mailbox.ErrLost)
	d.queue.Fail(mailbox.ErrStopped)
	if err := d.queue.Settle(nil); !errors.Is(err, mailbox.ErrLost) {
		t.Errorf("Settle returned %v, want ErrLost", err)
	}
	d.queue.Close()
	if left := d.queue.Left(); len(left) != 2 || string(left[0].Mail.Body) != "a" {
		t.Errorf("%d are left, want a and b", len(left))
	}
}

// TestLookAndTake is what a store needs that writes outcomes down by itself, or drops.
func TestLookAndTake(t *testing.T) {
	d := newDesk(4)
	d.queue.Add(items(1, "a", "b", "c"), none)
	got := d.wantFetch(t, 1, "a#1 ")
	look := d.queue.Look([]mailbox.Outcome{{Key: got[0].Key}, {Key: 99}, {Key: got[0].Key, Verdict: mailbox.Retry}})
	if len(look) != 1 || len(d.settled) != 0 || d.queue.Len() != 3 {
		t.Errorf("Look returned %d, %d settled, %d held; want 1, 0 and 3", len(look), len(d.settled), d.queue.Len())
	}
	it := d.queue.Take(1)
	if it == nil || string(it.Mail.Body) != "b" || d.queue.Take(0) != nil {
		t.Fatal("Take did not return b, and nothing of an empty lane")
	}
	d.queue.Return(it)
	d.wantFetch(t, 2, "b#1 c#1 ")
}
