package mailboxtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

// walk does things in an order that nobody thought of, crashes included, and checks
// everything that comes against what may come. TROUPE_SOAK makes it longer.
func walk(t *testing.T, p Place) {
	steps := 120
	if more, err := strconv.Atoi(os.Getenv("TROUPE_SOAK")); err == nil && more > 0 {
		steps *= more
	}
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("TROUPE_SEED"), 10, 64); err == nil {
		seed = s
	}
	w := &walker{T: t, p: p, random: rand.New(rand.NewPCG(seed, 0)), homes: make(map[string]*home)}
	defer func() {
		if t.Failed() {
			t.Logf("TROUPE_SEED=%d; the last steps:", seed)
			for _, line := range w.log[max(0, len(w.log)-40):] {
				t.Log(line)
			}
		}
	}()
	w.begin()
	for range steps {
		w.step()
	}
	w.finish()
}

// A walker knows what is in a store.
type walker struct {
	*testing.T
	p       Place
	random  *rand.Rand
	store   mailbox.Store
	session mailbox.Session
	homes   map[string]*home
	dead    int
	last    int
	ahead   int // what a crash may count against mail that is put now
	log     []string
}

// A home is an address with its mail, in order.
type home struct {
	address string
	mail    []*letter
	box     mailbox.Box
	alone   bool // what is out came alone
}

// A letter is mail of which its next count is known to within bounds.
type letter struct {
	body      string
	low, high int // what its next Count may be
	key       uint64
	out       bool
	gone      bool // it was handled, and that may not be safe
	maybe     bool // it was when the program crashed
}

func (w *walker) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *walker) begin() {
	w.store = open(w.T, w.p)
	w.session = serve(w.T, w.store)
}

func (w *walker) home() *home {
	address := fmt.Sprintf("/walk/%d", w.random.IntN(3))
	h := w.homes[address]
	if h == nil {
		h = &home{address: address}
		w.homes[address] = h
	}
	return h
}

func (w *walker) step() {
	w.Helper()
	h := w.home()
	switch n := w.random.IntN(100); {
	case n < 25:
		w.put(h)
	case n < 60:
		if h.box == nil {
			w.next()
			return
		}
		w.fetch(h)
	case n < 85:
		w.settleSome(h)
	case n < 92:
		w.release(h)
	case n < 96:
		w.flush()
	case w.p.Crash != nil && n < 98:
		w.crash()
	default:
		w.reserve()
	}
}

func (w *walker) put(h *home) {
	w.Helper()
	var mail []mailbox.Mail
	for range 1 + w.random.IntN(4) {
		w.last++
		l := &letter{body: strconv.Itoa(w.last), low: 1, high: 1 + w.ahead}
		h.mail = append(h.mail, l)
		m := text(h.address, l.body)
		m.ID = l.body
		mail = append(mail, m)
	}
	if w.random.IntN(3) == 0 {
		mail = append(mail, mail[0]) // is taken for the same
	}
	w.note("put %d to %s, up to %d", len(mail), h.address, w.last)
	put(w.T, w.store, mail...)
}

// must reports whether a letter is to come.
func (l *letter) must() bool { return !l.out && !l.gone && !l.maybe }

// waits reports whether there is mail that is to come.
func (h *home) waits() bool { return slices.ContainsFunc(h.mail, (*letter).must) }

func (h *home) out() int {
	n := 0
	for _, l := range h.mail {
		if l.out {
			n++
		}
	}
	return n
}

// next takes an address, if there is one to be had.
func (w *walker) next() {
	w.Helper()
	for _, h := range w.homes {
		if h.box == nil && h.waits() {
			b := next(w.T, w.session)
			w.note("next %s", b.Address())
			got := w.homes[b.Address()]
			if got.box != nil {
				w.Fatalf("Next returned %s, which has an owner", b.Address())
			}
			got.box = b
			return
		}
	}
}

// fetch fetches mail, and checks that it is what comes next.
func (w *walker) fetch(h *home) {
	w.Helper()
	first := slices.IndexFunc(h.mail, (*letter).must)
	if first < 0 || h.alone || h.out() > mailbox.DefaultWindow/2 || h.mail[first].high > 1 && h.out() > 0 {
		return // nothing may come now
	}
	w.came(h, fetch(w.T, h.box, 1+w.random.IntN(4)))
}

// came checks what was fetched.
func (w *walker) came(h *home, got []mailbox.Delivery) {
	w.Helper()
	for _, d := range got {
		w.note("fetched %s from %s, count %d", d.Body, h.address, d.Count)
		i := slices.IndexFunc(h.mail, func(l *letter) bool { return !l.out && l.body == string(d.Body) })
		if i < 0 {
			w.Fatalf("%s: fetched %q, which is not there", h.address, d.Body)
		}
		for _, l := range h.mail[:i] {
			if l.must() {
				w.Fatalf("%s: fetched %q before %q", h.address, d.Body, l.body)
			}
		}
		l := h.mail[i]
		if d.Count < l.low || d.Count > l.high {
			w.Fatalf("%s: fetched %q with count %d, want %d to %d", h.address, d.Body, d.Count, l.low, l.high)
		}
		if h.alone = d.Count > 1; h.alone && len(got) > 1 {
			w.Fatalf("%s: fetched %q, which is not new, together with others", h.address, d.Body)
		}
		before := slices.DeleteFunc(slices.Clone(h.mail[:i]), func(l *letter) bool { return l.maybe })
		h.mail = append(before, h.mail[i:]...)
		l.out, l.gone, l.maybe, l.key, l.low, l.high = true, false, false, d.Key, d.Count, d.Count
	}
}

// settleSome settles some of what is out.
func (w *walker) settleSome(h *home) {
	w.Helper()
	if h.box == nil {
		return
	}
	var outcomes []mailbox.Outcome
	var behind []*letter
	safe := true
	for _, l := range h.mail {
		if !l.out || w.random.IntN(4) == 0 {
			continue
		}
		o := mailbox.Outcome{Key: l.key}
		switch n := w.random.IntN(20); {
		case n < 12:
			l.gone = true
			l.low, l.high = l.low+1, l.high+2
		case n < 15:
			o.Verdict = mailbox.Retry
			l.low, l.high = l.low+1, l.high+1
		case n < 17:
			o.Verdict = mailbox.Untouched
		case n < 19:
			o.Verdict, safe = mailbox.Aside, false
			behind = append(behind, &letter{body: l.body, low: l.low + 1, high: l.high + 1})
			l.gone = true
		default:
			o.Verdict, o.Reason, safe = mailbox.Dead, "no reason", false
			w.dead++
			l.gone = true
		}
		w.note("settle %s of %s: %d", l.body, h.address, o.Verdict)
		l.out = false
		outcomes = append(outcomes, o)
	}
	w.random.Shuffle(len(outcomes), func(i, k int) {
		if outcomes[i].Verdict != mailbox.Aside && outcomes[k].Verdict != mailbox.Aside {
			outcomes[i], outcomes[k] = outcomes[k], outcomes[i]
		}
	})
	settle(w.T, h.box, outcomes...)
	if h.out() == 0 {
		h.alone = false
	}
	if !safe { // whether it is in its old place or in its new one after a crash is not for us to guess
		w.flush()
	}
	h.mail = append(h.mail, behind...)
}

func (w *walker) release(h *home) {
	w.Helper()
	if h.box == nil {
		return
	}
	w.note("release %s", h.address)
	release(w.T, h.box)
	w.back(h)
}

// back is the end of a box: what was out is as if it had not been fetched.
func (w *walker) back(h *home) {
	h.box, h.alone = nil, false
	for _, l := range h.mail {
		l.out = false
	}
}

func (w *walker) flush() {
	w.Helper()
	w.note("flush")
	flush(w.T, w.session)
	for _, h := range w.homes {
		h.mail = slices.DeleteFunc(h.mail, func(l *letter) bool { return l.gone })
	}
}

// reserve ends the session and begins another.
func (w *walker) reserve() {
	w.Helper()
	w.note("close the session")
	if err := w.session.Close(); err != nil {
		w.Fatal("Close:", err)
	}
	w.session = serve(w.T, w.store)
	for _, h := range w.homes {
		w.back(h)
		h.mail = slices.DeleteFunc(h.mail, func(l *letter) bool { return l.gone })
	}
}

// crash is the end of the program: what was out counts, what was not may count.
func (w *walker) crash() {
	w.Helper()
	w.note("crash")
	if w.p.MarksAhead {
		w.ahead = 1
	}
	w.p.Crash(w.T, w.store)
	for _, h := range w.homes {
		for _, l := range h.mail {
			if l.out {
				l.low, l.high = l.low+1, l.high+1
			} else {
				l.high++
			}
			l.gone, l.maybe = false, l.gone || l.maybe
		}
		w.back(h)
	}
	w.begin()
}

// finish handles all that is left.
func (w *walker) finish() {
	w.Helper()
	w.note("finish")
	w.reserve()
	for _, h := range w.homes {
		for h.waits() {
			if h.box == nil {
				w.next()
				continue
			}
			w.fetch(h)
			w.handleAll(h)
		}
	}
	w.flush()
	totals, err := w.store.Addresses().Totals(limited(w.T))
	if err != nil || totals.Waiting > w.maybes() || totals.DeadLetters != w.dead {
		w.Errorf("Totals returned %+v, %v at the end; want %d dead letters", totals, err, w.dead)
	}
}

// maybes counts the mail of which nobody knows whether it is there.
func (w *walker) maybes() (n int) {
	for _, h := range w.homes {
		for _, l := range h.mail {
			if l.maybe {
				n++
			}
		}
	}
	return n
}

// handleAll handles what is out.
func (w *walker) handleAll(h *home) {
	w.Helper()
	for _, l := range h.mail {
		if l.out {
			settle(w.T, h.box, mailbox.Outcome{Key: l.key})
			l.out, l.gone = false, true
		}
	}
	h.alone = false
}
