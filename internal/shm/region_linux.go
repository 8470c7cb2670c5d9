package shm

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Layout says what a region is for. All processes that map it must agree.
type Layout struct {
	Kind  uint32 // names the user of the region; any number
	Size  int    // bytes of data; when opening, 0 for as many as there are
	Bells int    // how many bells it has
	Extra int    // further descriptors that the user keeps with the region
}

// header is the beginning of a region. Data begins at dataOffset.
type header struct {
	magic atomic.Uint64
	size  atomic.Uint64 // of the data
	space atomic.Uint64 // the namespaces in which pids mean something
	used  atomic.Uint64 // no slot from here on was ever used
	ends  atomic.Uint64 // how many ends of processes were told
}

const (
	version    = 1
	slotsAt    = 64
	dataOffset = slotsAt + 16*MaxSlots // 16 KiB, of which only touched pages take memory
)

// Compile-time checks of the sizes that the constants assume.
var (
	_ [slotsAt - unsafe.Sizeof(header{})]byte
	_ [16]byte = [unsafe.Sizeof(slot{})]byte{}
)

// A Region is shared memory, mapped once in this process. All who open it again get the same
// Region, and each must Release it.
type Region struct {
	*mapping
	head   *header
	slots  *[MaxSlots]slot
	self   Owner
	key    inode
	layout Layout
	order  Order

	memory int // the memfd
	bells  []*Bell
	extra  []int
	done   chan struct{} // closed with the region

	refs int // guarded by regions.Mutex

	using sync.RWMutex // held for reading while a descriptor is used, for writing to close it

	mu     sync.Mutex
	closed bool
	peers  map[int]*peer // by slot
	local  any
}

// A mapping is memory that is unmapped once nothing in this process refers to it, so that a
// Region which is released in the middle of an operation can do no harm.
type mapping struct{ mem []byte }

type inode struct{ dev, ino uint64 }

// regions are the regions that this process has mapped.
var regions = struct {
	sync.Mutex
	m map[inode]*Region
}{m: make(map[inode]*Region)}

// seals promise that the memory cannot be cut off under those who have it mapped.
const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// Create makes a region, filled with zeros. extra descriptors are the region's from now on,
// also when Create fails.
func Create(l Layout, extra ...int) (*Region, error) {
	files := extra
	r, err := create(l, &files)
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return r, nil
}

func create(l Layout, files *[]int) (*Region, error) {
	me, err := self()
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("troupe", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("ipc: cannot make shared memory: %w", err)
	}
	all := append([]int{fd}, *files...)
	*files = all
	if err := unix.Ftruncate(fd, int64(dataOffset+l.Size)); err != nil {
		return nil, fmt.Errorf("ipc: cannot make %d bytes of shared memory: %w", l.Size, err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("ipc: cannot seal shared memory: %w", err)
	}
	for i := range l.Bells {
		bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return nil, fmt.Errorf("ipc: cannot make a bell: %w", err)
		}
		all = append(all[:1+i], append([]int{bell}, all[1+i:]...)...)
		*files = all
	}
	m, err := mapMemory(fd, dataOffset+l.Size)
	if err != nil {
		return nil, err
	}
	h := (*header)(unsafe.Pointer(&m.mem[0]))
	h.size.Store(uint64(l.Size))
	h.space.Store(me.space)
	h.magic.Store(l.magic())
	regions.Lock()
	defer regions.Unlock()
	return newRegion(l, m, all)
}

func (l Layout) magic() uint64 {
	return uint64(l.Kind)<<32 | uint64(l.Bells)<<24 | uint64(l.Extra)<<16 | 0x7300 | version
}

// Open maps the region that descriptors from [Region.Files] of another process stand for. They
// are the region's from now on, also when Open fails.
func Open(l Layout, files []int) (*Region, error) {
	r, err := open(l, files)
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return r, nil
}

func open(l Layout, files []int) (*Region, error) {
	if len(files) != 1+l.Bells+l.Extra {
		return nil, fmt.Errorf("ipc: %d descriptors came for shared memory that needs %d", len(files), 1+l.Bells+l.Extra)
	}
	var st unix.Stat_t
	if err := unix.Fstat(files[0], &st); err != nil {
		return nil, fmt.Errorf("ipc: cannot look at shared memory: %w", err)
	}
	regions.Lock()
	defer regions.Unlock()
	if r := regions.m[inode{st.Dev, st.Ino}]; r != nil {
		if r.head.magic.Load() != l.magic() || l.Size != 0 && l.Size != r.layout.Size {
			return nil, errForeign
		}
		closeAll(files)
		r.refs++
		return r, nil
	}
	if has, err := unix.FcntlInt(uintptr(files[0]), unix.F_GET_SEALS, 0); err != nil || has&seals != seals || st.Size < dataOffset {
		return nil, errForeign
	}
	m, err := mapMemory(files[0], int(st.Size))
	if err != nil {
		return nil, err
	}
	me, err := self()
	h := (*header)(unsafe.Pointer(&m.mem[0]))
	switch {
	case err != nil:
		return nil, err
	case h.magic.Load() != l.magic() || h.size.Load() != uint64(st.Size-dataOffset) || l.Size != 0 && l.Size != int(st.Size-dataOffset):
		return nil, errForeign
	case h.space.Load() != me.space:
		return nil, errors.New("ipc: this was made in another pid namespace, where process numbers mean something else: share it within one namespace, or use a Manager")
	}
	l.Size = int(st.Size - dataOffset)
	return newRegion(l, m, files)
}

var errForeign = errors.New("ipc: what came is not the shared memory that was expected: is the same program on the other side?")

// newRegion makes a Region of a mapping. The registry is locked.
func newRegion(l Layout, m *mapping, files []int) (*Region, error) {
	var st unix.Stat_t
	if err := unix.Fstat(files[0], &st); err != nil {
		return nil, fmt.Errorf("ipc: cannot look at shared memory: %w", err)
	}
	r := &Region{
		mapping: m, layout: l, refs: 1, key: inode{st.Dev, st.Ino},
		head:   (*header)(unsafe.Pointer(&m.mem[0])),
		slots:  (*[MaxSlots]slot)(unsafe.Pointer(&m.mem[slotsAt])),
		memory: files[0], extra: files[1+l.Bells:], done: make(chan struct{}),
		peers: make(map[int]*peer),
	}
	var err error
	if r.self, err = r.claim(); err != nil {
		return nil, err
	}
	for _, fd := range files[1 : 1+l.Bells] {
		r.bells = append(r.bells, &Bell{fd: fd, region: r})
	}
	regions.m[r.key] = r
	return r, nil
}

func mapMemory(fd, size int) (*mapping, error) {
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("ipc: cannot map %d bytes of shared memory: %w", size, err)
	}
	m := &mapping{mem}
	runtime.AddCleanup(m, func(mem []byte) { _ = unix.Munmap(mem) }, mem)
	return m, nil
}

// Release ends one use of the region. After the last, the descriptors are closed, and what
// this process still owned in the region counts as left behind by the dead.
func (r *Region) Release() {
	regions.Lock()
	defer regions.Unlock()
	if r.refs--; r.refs > 0 {
		return
	}
	delete(regions.m, r.key)
	r.vacate(r.self)
	r.ringAll()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	close(r.done)
	for _, p := range r.peers {
		p.release(r)
	}
	clear(r.peers)
	for _, b := range r.bells {
		b.close()
	}
	r.using.Lock()
	defer r.using.Unlock()
	closeAll(append(r.extra, r.memory))
	r.extra = nil
}

// Files returns the descriptors that another process needs to open the region. They stay the
// region's, and are valid until it is released.
func (r *Region) Files() []int {
	r.using.RLock()
	defer r.using.RUnlock()
	files := []int{r.memory}
	for _, b := range r.bells {
		files = append(files, b.fd)
	}
	return append(files, r.extra...)
}

// Extra calls f with the i-th of the further descriptors, which is not closed until f returns.
// f must not wait for anything. Extra returns f's error, or [ErrClosed].
func (r *Region) Extra(i int, f func(fd int) error) error {
	r.using.RLock()
	defer r.using.RUnlock()
	if r.extra == nil {
		return ErrClosed
	}
	return f(r.extra[i])
}

// Order returns the order of what goroutines of this process do in the region.
func (r *Region) Order() *Order { return &r.order }

// Self returns this process as an owner in the region.
func (r *Region) Self() Owner { return r.self }

// Bell returns the i-th bell.
func (r *Region) Bell(i int) *Bell { return r.bells[i] }

// Data returns the memory behind the header. It must not be used after the region has become
// unreachable; see [runtime.KeepAlive].
func (r *Region) Data() []byte { return r.mem[dataOffset:] }

// Word returns the word at an offset of the data, a multiple of 8.
func (r *Region) Word(offset int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&r.Data()[offset : offset+8 : offset+8][0]))
}

// Words returns n words in a row.
func (r *Region) Words(offset, n int) []atomic.Uint64 {
	b := r.Data()[offset : offset+8*n : offset+8*n]
	return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&b[0])), n)
}

// Local returns what this process keeps for the region, for all who have opened it; the first
// makes it.
func (r *Region) Local(make func() any) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.local == nil {
		r.local = make()
	}
	return r.local
}

// Ends counts the deaths and departures of processes that everyone who waits was told of.
func (r *Region) Ends() uint64 { return r.head.ends.Load() }

// ringAll wakes everyone who waits for anything in the region, because a process has ended.
func (r *Region) ringAll() {
	r.head.ends.Add(1)
	for _, b := range r.bells {
		b.strike()
	}
}

func closeAll(files []int) {
	for _, fd := range files {
		_ = unix.Close(fd)
	}
}
