package pool

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// NewWords makes words for so many executors, and the file through which the worker gets
// them. The words must be released.
func NewWords(executors int) (*Words, *os.File, error) {
	fd, err := unix.MemfdCreate("osproc-pool", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "words")
	if err := unix.Ftruncate(fd, int64((executors+1)*lineSize)); err != nil {
		f.Close()
		return nil, nil, os.NewSyscallError("ftruncate", err)
	}
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	w, err := openWords(f, executors)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return w, f, nil
}

// openWords maps what NewWords made. The file is not needed after it.
func openWords(f *os.File, executors int) (*Words, error) {
	size := (executors + 1) * lineSize
	if info, err := f.Stat(); err != nil || info.Size() != int64(size) {
		return nil, errItem
	}
	page, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &Words{page, linesOf(page, executors)}, nil
}

// release gives the memory back. Nobody may use the words any more.
func (w *Words) release() {
	if w != nil {
		_ = unix.Munmap(w.page)
		w.page, w.lines = nil, nil
	}
}

// monotonic is the system's monotonic clock, which is the same for all processes.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// processorTime is what a process has used; 0 if nobody knows.
func processorTime(pid int) time.Duration {
	const wholeProcess = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|wholeProcess), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// resident is how much memory this process has in RAM.
func resident(statm *os.File) int64 {
	var b [128]byte
	n, _ := statm.ReadAt(b[:], 0)
	var pages int64
	field := 0
	for _, c := range b[:n] {
		switch {
		case c == ' ':
			if field++; field == 2 {
				return pages * int64(os.Getpagesize())
			}
		case field == 1:
			pages = pages*10 + int64(c-'0')
		}
	}
	return 0
}

func openStatm() (*os.File, error) { return os.Open("/proc/self/statm") }
