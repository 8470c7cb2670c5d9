package shm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// MaxSlots is how many processes can have a region mapped at the same time.
const MaxSlots = 1020

// An Owner is a process as the owner of something in a region: in the low bits its slot + 1,
// above them the slot's generation. It is never zero and fits into ownerBits bits.
type Owner uint64

const (
	slotBits  = 10
	slotMask  = 1<<slotBits - 1
	ownerBits = slotBits + 32
	ownerMask = 1<<ownerBits - 1
)

// OwnerOf returns the owner that has a slot in a generation.
func OwnerOf(slot int, gen uint32) Owner { return Owner(gen)<<slotBits | Owner(slot+1) }

// Slot is the owner's place in tables that have a row for each slot.
func (o Owner) Slot() int { return int(o&slotMask) - 1 }

// Gen tells the owner from others that had the same slot before.
func (o Owner) Gen() uint32 { return uint32(o >> slotBits) }

// A slot says which process has it. To claim one is to swap in a word with the next generation
// and the busy bit; then the start time is written, and the busy bit removed. A busy slot owns
// nothing yet, so that a process which dies in between leaves nothing but a slot to be reused.
type slot struct {
	word  atomic.Uint64 // generation (32 bits) | busy | pid (31 bits)
	start atomic.Uint64 // when the process started, in the system's ticks
}

const busy = 1 << 31

func slotWord(gen uint32, pid int) uint64 { return uint64(gen)<<32 | uint64(pid) }

// pidOf returns the pid in a slot's word, 0 if the slot is free.
func pidOf(word uint64) int { return int(word & (busy - 1)) }

// claim finds a slot for this process.
func (r *Region) claim() (Owner, error) {
	me, err := self()
	if err != nil {
		return 0, err
	}
	for _, free := range []func(*slot, uint64) bool{isFree, r.isAbandoned} {
		for i := range r.slots {
			s := &r.slots[i]
			w := s.word.Load()
			if !free(s, w) {
				continue
			}
			gen := uint32(w>>32) + 1
			if s.word.CompareAndSwap(w, slotWord(gen, me.pid)|busy) {
				s.start.Store(me.start)
				s.word.Store(slotWord(gen, me.pid))
				r.raiseUsed(i + 1)
				return OwnerOf(i, gen), nil
			}
		}
	}
	return 0, fmt.Errorf("ipc: %d processes share this already, which is all it has room for: share it with fewer, or make a second one", MaxSlots)
}

// isFree reports that nobody has the slot, or a process that is certainly gone.
func isFree(_ *slot, w uint64) bool {
	return pidOf(w) == 0 || unix.Kill(pidOf(w), 0) == unix.ESRCH
}

// isAbandoned reports that the process that had the slot has died, the hard way.
func (r *Region) isAbandoned(s *slot, w uint64) bool {
	p, err := openPeer(process{pidOf(w), s.start.Load()})
	if err == nil {
		p.release(nil)
	}
	return errors.Is(err, errGone) && w&busy == 0
}

// raiseUsed notes that the first n slots may be in use.
func (r *Region) raiseUsed(n int) {
	for {
		old := r.head.used.Load()
		if old >= uint64(n) || r.head.used.CompareAndSwap(old, uint64(n)) {
			return
		}
	}
}

// Used returns how many slots, from the first, have ever been used.
func (r *Region) Used() int { return min(int(r.head.used.Load()), MaxSlots) }

// vacate gives the slot back. What this process still owned is now owned by nobody.
func (r *Region) vacate(o Owner) {
	s := &r.slots[o.Slot()]
	s.word.CompareAndSwap(slotWord(o.Gen(), os.Getpid()), slotWord(o.Gen(), 0))
}

// Alive reports whether the process behind an owner still lives and has the region mapped. The
// owner may come from shared memory and be anything. The error says that the system cannot
// tell; see openPeer.
func (r *Region) Alive(o Owner) (bool, error) {
	if o == r.self {
		return true, nil
	}
	p, err := r.peer(o)
	if errors.Is(err, errGone) {
		return false, nil
	}
	return err == nil && !p.gone(), err
}

// occupies reports that an owner still has its slot; its process may be dead.
func (r *Region) occupies(o Owner) bool {
	_, ok := r.occupant(o)
	return ok
}

// occupant returns the process that an owner is, if it still has its slot.
func (r *Region) occupant(o Owner) (process, bool) {
	if o.Slot() < 0 || o.Slot() >= MaxSlots {
		return process{}, false
	}
	s := &r.slots[o.Slot()]
	p := process{pidOf(s.word.Load()), s.start.Load()}
	return p, p.pid != 0 && s.word.Load() == slotWord(o.Gen(), p.pid)
}

// A process is told from others that had the same pid by when it started.
type process struct {
	pid   int
	start uint64
}

// A selfProcess is a process that knows in which namespaces its pid and start time mean something.
type selfProcess struct {
	process
	space uint64
}

// self is this process.
var self = sync.OnceValues(func() (me selfProcess, err error) {
	me.pid = os.Getpid()
	if me.start, err = startTime(me.pid); err != nil {
		return me, fmt.Errorf("ipc: cannot tell when this process started: is /proc mounted? %w", err)
	}
	for _, name := range []string{"/proc/self/ns/pid", "/proc/self/ns/time"} {
		var st unix.Stat_t
		if err := unix.Stat(name, &st); err == nil { // old systems have no time namespaces
			me.space = me.space<<32 ^ st.Ino
		}
	}
	return me, nil
})

// startTime returns when a process started. It fails if there is none.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The second field is a name in brackets, which may contain anything.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 {
		return 0, errors.New("/proc/<pid>/stat has an unknown form")
	}
	return strconv.ParseUint(string(f[19]), 10, 64)
}
