//go:build unix && !linux

package child

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

func start(l launch) (proc, error) { return startOS(l) }

func attributes(l launch) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: l.group} }

func maxMemory(any) int64 { return 0 }

func limit(pid int, c *Config) error {
	if c.Memory > 0 || c.CPU > 0 || c.Files > 0 {
		return fmt.Errorf("limits on memory, processor time and files need Linux, not %s", runtime.GOOS)
	}
	if c.Nice == 0 {
		return nil
	}
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, pid, min(max(own+c.Nice, -20), 19))
}

// crashFile returns an unnamed file for a worker's last words.
func crashFile() (*os.File, error) {
	f, err := os.CreateTemp("", "osproc-crash")
	if err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
}

func executable() (string, error) { return os.Executable() }

func socketPair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	return fds, err
}

// startOS starts a process by means of package os.
func startOS(l launch) (proc, error) {
	p, err := os.StartProcess(l.path, l.args, &os.ProcAttr{Dir: l.dir, Env: l.env, Files: l.files, Sys: attributes(l)})
	if err != nil {
		return nil, plain(err)
	}
	return osProc{p, l.group}, nil
}
