package child

import (
	"errors"
	"os"
	"syscall"
)

// A launch is what a system needs to start a process.
type launch struct {
	path  string
	args  []string
	env   []string
	dir   string
	files []*os.File // become descriptors 0, 1, 2, ...

	group bool
	death syscall.Signal // what the process gets when its parent dies
}

// A proc is a process that was started and not yet waited for. One goroutine calls wait,
// once; the others can be called by any, also after that.
type proc interface {
	pid() int
	// signal returns os.ErrProcessDone when the process was waited for.
	signal(syscall.Signal) error
	// hold calls f while the number is surely that of the process, and returns
	// os.ErrProcessDone if it is not any more.
	hold(f func() error) error
	wait() (Status, Usage)
}

// osProc is a proc by means of package os. Waiting takes a thread.
type osProc struct {
	p     *os.Process
	group bool
}

func (p osProc) pid() int { return p.p.Pid }

func (p osProc) signal(sig syscall.Signal) error {
	if p.group {
		return signalGroup(p.p.Pid, sig)
	}
	return p.p.Signal(sig)
}

func (p osProc) hold(f func() error) error { return f() }

func (p osProc) wait() (Status, Usage) {
	state, err := p.p.Wait()
	if err != nil {
		return Status{Code: -1}, Usage{}
	}
	if p.group {
		_ = signalGroup(p.p.Pid, syscall.SIGKILL)
	}
	usage := Usage{User: state.UserTime(), System: state.SystemTime(), MaxMemory: maxMemory(state.SysUsage())}
	return statusOf(state.Sys()), usage
}

// plain takes the wrapping off an error of a system call.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}
