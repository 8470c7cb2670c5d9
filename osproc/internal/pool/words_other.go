//go:build !linux

package pool

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// NewWords makes no words: this system has no nameless shared memory.
func NewWords(int) (*Words, *os.File, error) { return nil, nil, nil }

func openWords(*os.File, int) (*Words, error) { return nil, errItem }

func (w *Words) release() {}

func monotonic() int64 { return 0 }

func processorTime(int) time.Duration { return 0 }

func resident(*os.File) int64 { return 0 }

func openStatm() (*os.File, error) {
	return nil, errors.New("osproc: MaxMemory needs Linux, not " + runtime.GOOS)
}
