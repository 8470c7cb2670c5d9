package shm

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// copies returns duplicates of a region's descriptors, as they arrive in a message.
func copies(t testing.TB, r *Region) (files []int) {
	t.Helper()
	for _, fd := range r.Files() {
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, n)
	}
	return files
}

// descriptors counts the open files of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestOpenedTwiceIsMappedOnce(t *testing.T) {
	r := newRegion4Test(t)
	before := descriptors(t)
	again, err := Open(testLayout, copies(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if again != r {
		t.Error("another region")
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors more", n-before)
	}
	again.Release()
	r.Word(0).Store(1) // still there
}

func TestReleaseGivesEverythingBack(t *testing.T) {
	before := descriptors(t)
	r, err := Create(testLayout)
	if err != nil {
		t.Fatal(err)
	}
	m, mark := r.NewMutex(0, 0), r.Mark(64, 1)
	if err := m.Lock(background); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 3)
	waiting := make(chan bool)
	go func() { waiting <- true; ended <- m.Lock(background) }()
	for range 2 { // the one who leads, and one who follows
		ticket := mark.Set()
		go func() { waiting <- true; ended <- mark.Wait(background, ticket) }()
	}
	for range 3 {
		<-waiting
	}
	r.Release()
	for range 3 {
		if err := <-ended; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if err := mark.Wait(background, mark.Set()); !errors.Is(err, ErrClosed) {
		t.Errorf("waiting afterwards: %v", err)
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors more", n-before)
	}
}

func TestReleasedCountsAsDead(t *testing.T) {
	r := newRegion4Test(t)
	p := start(t, "release", r)
	if s := p.read(); s != "<nil>" {
		t.Fatal(s)
	}
	m := r.NewMutex(0, 0)
	got := make(chan error)
	go func() { got <- m.Lock(soon(t)) }()
	p.tell("")
	if err := <-got; !errors.Is(err, ErrOwnerDied) {
		t.Errorf("Lock = %v", err)
	}
	_ = m.Unlock()
	p.tell("")
}

func init() {
	// release locks, and lets go of the region.
	children["release"] = func(c *child) {
		r := c.open()
		c.say(r.NewMutex(0, 0).Lock(background))
		c.wait()
		r.Release()
		c.wait()
	}
}

func TestOpenRefusesWhatIsForeign(t *testing.T) {
	r := newRegion4Test(t)
	other := testLayout
	other.Kind++
	larger := testLayout
	larger.Size *= 2
	file, err := unix.MemfdCreate("foreign", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(file, 1<<20); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for name, open := range map[string]func() (*Region, error){
		"another kind":         func() (*Region, error) { return Open(other, copies(t, r)) },
		"another size":         func() (*Region, error) { return Open(larger, copies(t, r)) },
		"too few":              func() (*Region, error) { return Open(testLayout, copies(t, r)[:1:1]) },
		"none":                 func() (*Region, error) { return Open(testLayout, nil) },
		"memory without seals": func() (*Region, error) { return Open(testLayout, append([]int{dupInt(t, file)}, copies(t, r)[1:]...)) },
	} {
		if _, err := open(); err == nil || !strings.HasPrefix(err.Error(), "ipc: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What the test itself has cut off is not Open's to close.
	if n := descriptors(t) - before; n > 2+1 {
		t.Errorf("%d descriptors are left", n)
	}
	unix.Close(file)
}

func dupInt(t testing.TB, fd int) int {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMemoryCannotBeCutOff(t *testing.T) {
	r := newRegion4Test(t)
	if err := unix.Ftruncate(r.Files()[0], 0); err == nil {
		t.Error("the memory was cut off under those who have it mapped")
	}
	if err := unix.Ftruncate(r.Files()[0], 1<<30); err == nil {
		t.Error("the memory was made larger")
	}
}

func TestSlotsAreUsedAgain(t *testing.T) {
	r := newRegion4Test(t)
	seen := map[uint32]bool{}
	for range 5 {
		p := start(t, "hold", r)
		p.read()
		owner := Owner(r.Word(0).Load() & ownerMask)
		if owner.Slot() != 1 || seen[owner.Gen()] {
			t.Fatalf("slot %d, generation %d", owner.Slot(), owner.Gen())
		}
		seen[owner.Gen()] = true
		if alive, err := r.Alive(owner); !alive || err != nil {
			t.Fatal(alive, err)
		}
		p.kill()
		if alive, err := r.Alive(owner); alive || err != nil {
			t.Fatal(alive, err)
		}
	}
	for _, o := range []Owner{0, slotMask, OwnerOf(5, 1), ownerMask} {
		if alive, err := r.Alive(o); alive || err != nil {
			t.Errorf("an owner that never was, %x: %v %v", uint64(o), alive, err)
		}
	}
}

func TestNoRoomForMoreProcesses(t *testing.T) {
	r := newRegion4Test(t)
	// As many processes as there is room for: all of them this one's parent, which lives.
	parent := os.Getppid()
	began, err := startTime(parent)
	if err != nil {
		t.Skip(err)
	}
	for i := 1; i < MaxSlots; i++ {
		r.slots[i].start.Store(began)
		r.slots[i].word.Store(slotWord(1, parent))
	}
	if _, err := r.claim(); err == nil || !strings.Contains(err.Error(), "1020 processes") {
		t.Fatal(err)
	}
	r.slots[77].start.Add(1) // somebody else had that number before
	if o, err := r.claim(); err != nil || o != OwnerOf(77, 2) {
		t.Fatal(o, err)
	}
}
