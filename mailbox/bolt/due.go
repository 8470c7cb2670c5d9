package bolt

import (
	"bytes"
	"container/heap"
	"math"
	"sync"
	"time"

	"github.com/troupe-go/troupe/mailbox/internal/held"
)

// alarms know when delayed mail is due and when addresses have rested. One timer
// is set, and none while there is nothing to wait for.
type alarms struct {
	store   *Store
	mu      sync.Mutex
	due     int64 // when the first mail is due, in Unix nanoseconds; 0 is never
	rests   restHeap
	timer   *time.Timer
	set     time.Time // when the timer goes off; zero if it is not set
	stopped bool
}

// A rest ends by the clock that nobody sets.
type rest struct {
	at      time.Time
	address string
}

type restHeap []rest

func (h restHeap) Len() int           { return len(h) }
func (h restHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h restHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *restHeap) Push(x any)        { *h = append(*h, x.(rest)) }
func (h *restHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// maxSleep is how long the timer is set at most: the clock on the wall may be set.
const maxSleep = time.Minute

// mail says that mail is due at a time.
func (a *alarms) mail(at int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.due == 0 || at < a.due {
		a.due = at
		a.sleep()
	}
}

// rest says until when an address rests.
func (a *alarms) rest(address string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	heap.Push(&a.rests, rest{at, address})
	a.sleep()
}

// sleep sets the timer for what comes first. The lock is held.
func (a *alarms) sleep() {
	if a.stopped || a.due == 0 && len(a.rests) == 0 {
		return
	}
	wait := maxSleep
	if a.due != 0 {
		wait = min(wait, time.Duration(a.due-a.store.wall().UnixNano()))
	}
	if len(a.rests) > 0 {
		wait = min(wait, time.Until(a.rests[0].at))
	}
	at := time.Now().Add(wait)
	if !a.set.IsZero() && !at.Before(a.set) {
		return
	}
	a.set = at
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.ring)
	} else {
		a.timer.Reset(wait)
	}
}

// ring does what is due.
func (a *alarms) ring() {
	var awake []string
	a.mu.Lock()
	for now := time.Now(); len(a.rests) > 0 && !a.rests[0].at.After(now); {
		awake = append(awake, heap.Pop(&a.rests).(rest).address)
	}
	due := a.due != 0 && a.due <= a.store.wall().UnixNano()
	if due {
		a.due = 0 // set again when the mail has been moved
	}
	a.set = time.Time{}
	a.sleep()
	a.mu.Unlock()
	for _, address := range awake {
		a.store.awake(address)
	}
	if due {
		a.store.commit.later(&op{apply: (*txn).deliverDue})
	}
}

func (a *alarms) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

// delay keeps a record until it is due.
func (t *txn) delay(address string, lane int, at time.Time, rec []byte) error {
	number, err := t.table(mail).NextSequence()
	if err != nil {
		return err
	}
	key := mailKey(address, lane, number)
	if err := t.table(late).Put(key, rec); err != nil {
		return err
	}
	nanos := int64(math.MaxInt64)
	if at.Before(time.Unix(0, nanos)) {
		nanos = at.UnixNano()
	}
	t.then(func() { t.store.alarms.mail(nanos) })
	return t.table(due).Put(timeKey(nanos, key), nil)
}

// deliverDue puts mail in its place that is due, some at a time.
func (t *txn) deliverDue() error {
	c := t.table(due).Cursor()
	k, _ := c.First()
	for n := 0; k != nil && keyTime(k) <= t.now.UnixNano() && n < maxBatch; n++ {
		if err := t.deliver(bytes.Clone(k[8:])); err != nil {
			return err
		}
		if err := c.Delete(); err != nil {
			return err
		}
		k, _ = c.First()
	}
	if k != nil {
		at := keyTime(k)
		t.then(func() { t.store.alarms.mail(at) })
	}
	return nil
}

// deliver moves mail that was not due to where it can be fetched.
func (t *txn) deliver(key []byte) error {
	address, _, _, ok := split(key)
	rec := bytes.Clone(t.table(late).Get(key))
	if err := t.table(late).Delete(key); err != nil || !ok || len(rec) == 0 {
		return err
	}
	m, _, err := openRecord(rec)
	if err != nil {
		return t.bury(string(address), err.Error(), rec)
	}
	m.Address = string(address)
	return t.place(m.Address, m, rec, recordCount(rec))
}

var _ held.Source[ref] = (*box)(nil)
