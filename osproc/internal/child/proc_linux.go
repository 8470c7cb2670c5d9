package child

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A pidProc is a process with a descriptor of its own (a pidfd), which Go's poller can
// wait for: no thread waits with it, and no signal can hit a stranger.
type pidProc struct {
	id    int
	group bool
	file  *os.File

	mu   sync.Mutex // guards gone, and that nobody is signalled who was waited for
	gone bool
}

// start starts a process. syscall.StartProcess uses vfork's way: what it costs does not
// grow with the memory of the parent.
func start(l launch) (proc, error) {
	fds := make([]uintptr, len(l.files))
	for i, f := range l.files {
		fds[i] = f.Fd()
	}
	pidfd := -1
	sys := attributes(l)
	sys.PidFD = &pidfd
	pid, _, err := syscall.StartProcess(l.path, l.args, &syscall.ProcAttr{Dir: l.dir, Env: l.env, Files: fds, Sys: sys})
	runtime.KeepAlive(l.files)
	if err != nil {
		return nil, err
	}
	if pidfd < 0 || unix.SetNonblock(pidfd, true) != nil {
		p, _ := os.FindProcess(pid)
		return osProc{p, l.group}, nil
	}
	return &pidProc{id: pid, group: l.group, file: os.NewFile(uintptr(pidfd), "pidfd")}, nil
}

func attributes(l launch) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: l.death, Setpgid: l.group}
}

func (p *pidProc) pid() int { return p.id }

func (p *pidProc) signal(sig syscall.Signal) error {
	return p.hold(func() error {
		if p.group {
			return signalGroup(p.id, sig)
		}
		return syscall.Kill(p.id, sig)
	})
}

func (p *pidProc) hold(f func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone { // after that the number may be somebody else's
		return os.ErrProcessDone
	}
	return f()
}

func (p *pidProc) wait() (Status, Usage) {
	defer p.file.Close()
	p.waitForEnd()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	if p.group {
		_ = signalGroup(p.id, syscall.SIGKILL)
	}
	var ws syscall.WaitStatus
	var ru syscall.Rusage
	for {
		switch _, err := syscall.Wait4(p.id, &ws, 0, &ru); err {
		case nil:
			return statusOf(ws), Usage{
				User:      time.Duration(ru.Utime.Nano()),
				System:    time.Duration(ru.Stime.Nano()),
				MaxMemory: maxMemory(&ru),
			}
		case syscall.EINTR:
		default: // somebody else waited for it, or the program ignores SIGCHLD
			return Status{Code: -1}, Usage{}
		}
	}
}

// waitForEnd returns when the process has ended, without taking its status.
func (p *pidProc) waitForEnd() {
	ended := func(fd uintptr, options int) bool {
		for {
			var info unix.Siginfo
			err := unix.Waitid(unix.P_PIDFD, int(fd), &info, unix.WEXITED|unix.WNOWAIT|options, nil)
			if err != unix.EINTR {
				return err != nil || info.Signo != 0
			}
		}
	}
	if c, err := p.file.SyscallConn(); err == nil {
		if c.Read(func(fd uintptr) bool { return ended(fd, unix.WNOHANG) }) == nil {
			return
		}
	}
	ended(p.file.Fd(), 0) // no poller for it: wait with a thread
}

func maxMemory(usage any) int64 {
	if ru, ok := usage.(*syscall.Rusage); ok {
		return ru.Maxrss << 10
	}
	return 0
}

// limit applies the limits of c to a process that was just started.
func limit(pid int, c *Config) error {
	set := func(which int, soft, hard uint64) error {
		return unix.Prlimit(pid, which, &unix.Rlimit{Cur: soft, Max: hard}, nil)
	}
	if c.Memory > 0 {
		if err := set(unix.RLIMIT_DATA, uint64(c.Memory), uint64(c.Memory)); err != nil {
			return err
		}
	}
	if c.CPU > 0 {
		seconds := uint64((c.CPU + time.Second - 1) / time.Second)
		if err := set(unix.RLIMIT_CPU, seconds, seconds+1); err != nil {
			return err
		}
	}
	if c.Files > 0 {
		if err := set(unix.RLIMIT_NOFILE, uint64(c.Files), uint64(c.Files)); err != nil {
			return err
		}
	}
	if c.Nice != 0 {
		return renice(pid, c.Nice)
	}
	return nil
}

// crashFile returns an unnamed file for a worker's last words.
func crashFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("osproc-crash", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "crash"), nil
}

// executable is this program, also if its file was replaced or removed.
func executable() (string, error) {
	if _, err := os.Lstat("/proc/self/exe"); err == nil {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}
