package mailbox

// A ValueBox is the box of a store that keeps values, for owners that handle
// millions of them in a second: it hands out mail without writing a [Delivery].
// FetchValues and Fetch can take turns.
type ValueBox interface {
	Box

	// PutValue puts mail to the address; see [ValueStore]. It returns ErrLost as
	// Fetch does, and then has put nothing.
	PutValue(value any) error

	// FetchValues is Fetch for mail as it is kept.
	FetchValues(into []ValueDelivery, wake func()) (int, error)

	// SettleValues settles deliveries as Handled.
	SettleValues(handled []ValueDelivery) error
}

// A ValueDelivery is a [Delivery] from a [ValueBox].
type ValueDelivery struct {
	Value any
	Rest  *Mail  // what the mail has beside value and address; nil for nothing. It must not be changed.
	Key   uint64 // as in Delivery
	Put   int64  // likewise, in nanoseconds since 1970
	Count int32  // likewise
}

// FetchValues hands out mail; see [ValueBox].
func (t *tenure) FetchValues(into []ValueDelivery, wake func()) (int, error) {
	b := t.box
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.owner != t:
		return 0, ErrLost
	case b.stopped:
		return 0, ErrStopped
	}
	n := b.takePlain(into, t)
	for n < len(into) && !t.alone && b.ready() {
		it, lane, number := b.take()
		t.alone = it.count > 1
		if t.alone && n > 0 { // it has to come alone
			b.lane(lane).untake(number)
			t.alone = false
			break
		}
		into[n] = ValueDelivery{it.value, it.mail, number<<2 | uint64(lane), it.put, int32(it.count)}
		n++
	}
	if n == 0 {
		t.wake = wake
		return 0, nil
	}
	t.wake = nil
	b.grant()
	return n, nil
}

// takePlain fetches mail of a box in which there is nothing unusual.
func (b *box) takePlain(into []ValueDelivery, t *tenure) (n int) {
	l := &b.normal
	if b.rare != nil || t.alone {
		return 0
	}
	room := min(len(into), t.session.window-int(l.out))
	for n < room && l.next < l.n {
		it := l.at(l.next)
		if it.state != waits || it.count != 0 || it.due != 0 {
			break
		}
		it.state, it.count = isOut, 1
		into[n] = ValueDelivery{it.value, it.mail, (l.first+uint64(l.next))<<2 | normalLane, it.put, 1}
		l.next++
		l.out++
		n++
	}
	return n
}

// SettleValues settles what was handled; see [ValueBox].
func (t *tenure) SettleValues(handled []ValueDelivery) error {
	b := t.box
	b.mu.Lock()
	if b.owner != t {
		b.mu.Unlock()
		return ErrLost
	}
	for i := range handled {
		if key := handled[i].Key; !b.normal.removeFirst(key) {
			b.settle(&Outcome{Key: key}, nil)
		}
	}
	if b.out() == 0 {
		t.alone = false
	}
	if t.wake != nil {
		b.offerAndUnlock()
	} else {
		b.mu.Unlock()
	}
	return nil
}

// removeFirst removes the first item if that is the one with the key and is out.
func (l *lane) removeFirst(key uint64) bool {
	if key != l.first<<2|normalLane || l.n == 0 {
		return false
	}
	it := l.at(0)
	if it.state != isOut {
		return false
	}
	it.value, it.mail = nil, nil
	l.out--
	l.n--
	l.first++
	l.next--
	if l.holes > 0 || l.n == 0 {
		l.trim()
	}
	return true
}

// trim closes the holes at the front, and lets go of a ring that has become too
// large.
func (l *lane) trim() {
	for l.n > 0 && l.at(0).state == hole {
		l.holes--
		l.first++
		l.n--
		l.next = max(l.next-1, 0)
	}
	if l.n == 0 && len(l.ring) > keepRing {
		dropRing(l.ring)
		l.ring = nil
	}
}
