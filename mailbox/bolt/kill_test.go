//go:build unix

package bolt

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// What a program leaves that is killed is what lies in its file at that instant. So
// these tests kill some programs, and stop others at many more instants, take a copy of
// the file each time, and look at that as the next program would.

// whileStopped calls f while a program does not run.
func whileStopped(t *testing.T, cmd *program, f func()) {
	t.Helper()
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the program has ended by itself: %v", status)
	}
	f()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// snapshot copies the file and the notes of a program into a folder of their own.
func snapshot(t *testing.T, dir string) (to string) {
	t.Helper()
	to = filepath.Join(dir, "snapshot")
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mail.db", "notes"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return to
}

// someTime lets a program run for a random while of up to most.
func someTime(most time.Duration) { <-time.After(time.Duration(rand.Int64N(int64(most)))) }

// A witness knows what a traffic program has noted.
type witness struct {
	reader
	senders [3]history
}

// A history is what was noted of one sender.
type history struct {
	put  int         // the last whose Put returned
	safe int         // the last whose outcome was flushed
	got  map[int]int // the count of each that was delivered and not flushed
	last int         // the last that was delivered
}

// catchUp reads what was noted since, and checks that what came was to come.
func (w *witness) catchUp() {
	w.t.Helper()
	w.each(func(fields []string) {
		sender, _ := strconv.Atoi(fields[1])
		n, _ := strconv.Atoi(fields[2])
		h := &w.senders[sender]
		switch fields[0] {
		case "put":
			h.put = max(h.put, n)
		case "safe":
			h.safe = max(h.safe, n)
			delete(h.got, n)
		case "got":
			count, _ := strconv.Atoi(fields[3])
			switch {
			case n > h.last+1:
				w.t.Errorf("letter %d of sender %d came after %d", n, sender, h.last)
			case n <= h.safe:
				w.t.Errorf("letter %d of sender %d came, but up to %d all was flushed", n, sender, h.safe)
			case count <= h.got[n]:
				w.t.Errorf("letter %d of sender %d came again with count %d, after %d", n, sender, count, h.got[n])
			}
			if h.got == nil {
				h.got = map[int]int{}
			}
			h.last, h.got[n] = max(h.last, n), count
		}
	})
}

// checkLeft checks what a program that was killed has left behind against its notes:
// what was put and not delivered is there, what was flushed is not, in order, and what
// was delivered has a higher count.
func (w *witness) checkLeft(dir string, crashes int) {
	t := w.t
	t.Helper()
	w.catchUp()
	s, err := Open(filepath.Join(dir, "mail.db"), NoSync())
	if err != nil {
		t.Fatal(err)
	}
	defer s.shut()
	var left [len(w.senders)][]mailbox.Delivery
	for _, d := range leftBehind(t, s) {
		var sender, n int
		fmt.Sscan(string(d.Body), &sender, &n)
		d.Hop = n
		left[sender] = append(left[sender], d)
	}
	for sender, h := range w.senders {
		first, last := h.last+1, h.last
		if l := left[sender]; len(l) > 0 {
			first, last = l[0].Hop, l[len(l)-1].Hop
			if last-first+1 != len(l) {
				t.Errorf("sender %d: %d letters are left, from %d to %d", sender, len(l), first, last)
			}
		}
		if first > h.last+1 || first <= h.safe || last < h.put || last > h.put+1 {
			t.Errorf("sender %d: %d to %d are left; put %d, delivered %d, flushed %d", sender, first, last, h.put, h.last, h.safe)
		}
		for i, d := range left[sender] {
			if d.Hop != first+i {
				t.Errorf("sender %d: letter %d came at place %d", sender, d.Hop, first+i)
			}
			if had := h.got[d.Hop]; d.Count <= had || had == 0 && d.Count > 2+crashes {
				t.Errorf("sender %d: letter %d has count %d, delivered before with %d", sender, d.Hop, d.Count, had)
			}
		}
	}
}

// TestG70_KilledAtAnyInstant stops and kills a program that puts and handles mail.
func TestG70_KilledAtAnyInstant(t *testing.T) {
	w := &witness{reader: reader{t: t, dir: t.TempDir()}}
	for crash := range rounds(12) {
		var args []string
		for _, h := range w.senders {
			args = append(args, strconv.Itoa(h.put+1)) // it may have been put: it comes with its ID again
		}
		cmd := start(t, "traffic", w.dir, args...)
		cmd.until(t, "works")
		for range 25 {
			someTime(3 * time.Millisecond)
			whileStopped(t, cmd, func() { w.checkLeft(snapshot(t, w.dir), crash) })
		}
		someTime(3 * time.Millisecond)
		kill(t, cmd)
		w.checkLeft(snapshot(t, w.dir), crash)
		if t.Failed() {
			return
		}
	}
	t.Logf("delivered %d, %d and %d", w.senders[0].last, w.senders[1].last, w.senders[2].last)
}

// TestG70_KilledBetweenHandlingAndSettling: the mail that was handled comes again,
// marked and alone; those before it do not, those behind it come in order.
func TestG70_KilledBetweenHandlingAndSettling(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mail.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var mail []mailbox.Mail
	for i := range 9 {
		mail = append(mail, mailbox.Mail{Address: "/a", Body: []byte(strconv.Itoa(i))})
	}
	if err := s.Put(t.Context(), mail...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		cmd := start(t, "hang", dir, "4")
		cmd.until(t, "hangs")
		kill(t, cmd)
	}
	var handled []string
	(&reader{t: t, dir: dir}).each(func(fields []string) {
		handled = append(handled, fields[1]+"#"+fields[2])
	})
	want := "[0#1 1#1 2#1 3#1 4#1 4#2 4#3]"
	if fmt.Sprint(handled) != want {
		t.Errorf("handled were %v, want %v", handled, want)
	}
	if s, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	left := leftBehind(t, s)
	for i, d := range left {
		if string(d.Body) != strconv.Itoa(4+i) || i == 0 && d.Count != 4 || i > 0 && d.Count > 2 {
			t.Errorf("%q is left at place %d with count %d", d.Body, i, d.Count)
		}
	}
	if len(left) != 5 {
		t.Errorf("%d are left, want 5", len(left))
	}
}

// TestG70_KilledInCommit: a transaction is there or it is not.
func TestG70_KilledInCommit(t *testing.T) {
	for when, want := range map[string]int{"before": 5, "after": 6} {
		t.Run(when, func(t *testing.T) {
			dir := t.TempDir()
			cmd := start(t, "die", dir, when)
			if err := cmd.Wait(); err == nil {
				t.Fatal("the program has not died")
			}
			puts := 0
			(&reader{t: t, dir: dir}).each(func([]string) { puts++ })
			s, err := Open(filepath.Join(dir, "mail.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for range 2 { // it was not told whether it was put, and puts it again
				if when == "after" {
					if err := s.Put(t.Context(), mailbox.Mail{Address: "/a", ID: "last"}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if left := leftBehind(t, s); len(left) != want || puts != 5 {
				t.Errorf("%d are left and %d Puts returned, want %d and 5", len(left), puts, want)
			}
		})
	}
}

// checkSums checks that what a collector has done was done whole, and returns how far
// it is.
func checkSums(t *testing.T, dir string, all int) int {
	t.Helper()
	done := 0
	(&reader{t: t, dir: dir}).each(func(fields []string) { done, _ = strconv.Atoi(fields[1]) })
	s, err := Open(filepath.Join(dir, "mail.db"), NoSync())
	if err != nil {
		t.Fatal(err)
	}
	defer s.shut()
	var have sum
	b, err := s.State(t.Context(), "/sum")
	if b != nil {
		err = json.Unmarshal(b, &have)
	}
	if err != nil {
		t.Fatal(err)
	}
	waiting := 0
	sums := 0
	for _, d := range leftBehind(t, s) {
		switch d.Address {
		case "/sum":
			waiting++
			if n, _ := strconv.Atoi(string(d.Body)); n != have.Count+waiting {
				t.Errorf("%d waits at place %d, after %d", n, waiting, have.Count)
			}
		case "/sums":
			sums++
			var said sum
			if err := json.Unmarshal(d.Body, &said); err != nil || said != (sum{sums, sums * (sums + 1) / 2, sums}) {
				t.Errorf("sum %d is %s", sums, d.Body)
			}
		}
	}
	c := have.Count
	if have != (sum{c, c * (c + 1) / 2, c}) || waiting != all-c || sums != c || done > c {
		t.Errorf("state %+v, %d of %d wait, %d sums were sent, %d noted", have, waiting, all, sums, done)
	}
	return c
}

// TestG70_CollectorKilledAtAnyInstant: the effect of each mail on the state of its
// handler, and on the mail that it sends, is there once.
func TestG70_CollectorKilledAtAnyInstant(t *testing.T) {
	all := rounds(500)
	dir := t.TempDir()
	path := filepath.Join(dir, "mail.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	mail := make([]mailbox.Mail, all)
	for i := range mail {
		mail[i] = mailbox.Mail{Address: "/sum", Body: []byte(strconv.Itoa(i + 1))}
	}
	if err := s.Put(t.Context(), mail...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	have, kills, stops := 0, 0, 0
	for have < all && !t.Failed() {
		cmd := start(t, "collect", dir)
		cmd.until(t, "works")
		for range 6 {
			someTime(5 * time.Millisecond)
			var copied string
			whileStopped(t, cmd, func() { copied = snapshot(t, dir) })
			checkSums(t, copied, all)
			stops++
		}
		kill(t, cmd)
		have = checkSums(t, snapshot(t, dir), all)
		kills++
	}
	t.Logf("%d were collected by %d programs, all killed, and looked at %d times between", have, kills, stops)
}
