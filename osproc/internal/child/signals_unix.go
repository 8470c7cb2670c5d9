//go:build unix

package child

import (
	"os"
	"syscall"
)

// notified are the signals that end a worker's context.
var notified = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGXCPU}

func causeOf(sig os.Signal) error {
	switch sig {
	case syscall.SIGTERM:
		return ErrTerminated
	case syscall.SIGXCPU:
		return ErrCPU
	}
	return ErrInterrupted
}
