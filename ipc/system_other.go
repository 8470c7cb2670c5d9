//go:build !linux

package ipc

import (
	"context"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// Without shared memory, everything is made by the broker, and a handle that stands for shared
// memory cannot have come from this system.

func makeLock() (lockBackend, error) { return newBrokerLock() }

func makeSemaphore(initial int, bounded bool) (semaphoreBackend, error) {
	return newBrokerSemaphore(initial, bounded)
}

func makeEvent() (eventBackend, error)                   { return newBrokerEvent() }
func makeCondition() (conditionBackend, error)           { return newBrokerCondition() }
func makeBarrier(parties int) (barrierBackend, error)    { return newBrokerBarrier(parties) }
func makeCells(size, count int) (cellsBackend, error)    { return newBrokerCells(size, count) }
func makeQueue(limits queueLimits) (queueBackend, error) { return newBrokerQueue(limits) }
func makeTasks(limits queueLimits) (taskBackend, error)  { return newBrokerTasks(limits) }

func makeMemory(int) (memoryBackend, error)                     { return nil, errNoMemory }
func findMemory(context.Context, string) (memoryBackend, error) { return nil, errNoMemory }

func openMemory(*wire.Decoder) (memoryBackend, error)       { return nil, errNoMemory }
func openLock(*wire.Decoder) (lockBackend, error)           { return nil, errNoMemory }
func openSemaphore(*wire.Decoder) (semaphoreBackend, error) { return nil, errNoMemory }
func openEvent(*wire.Decoder) (eventBackend, error)         { return nil, errNoMemory }
func openCondition(*wire.Decoder) (conditionBackend, error) { return nil, errNoMemory }
func openBarrier(*wire.Decoder) (barrierBackend, error)     { return nil, errNoMemory }
func openCells(*wire.Decoder) (cellsBackend, error)         { return nil, errNoMemory }
func openQueue(*wire.Decoder) (queueBackend, error)         { return nil, errNoMemory }
func openTasks(*wire.Decoder) (taskBackend, error)          { return nil, errNoMemory }

var errNoMemory = fmt.Errorf("%w: this needs shared memory, which is for Linux", ErrUnsupported)

// directMemory returns nil: there is no memory to look at.
func directMemory(cellsBackend) (unsafe.Pointer, *atomic.Bool, *shm.Order) { return nil, nil, nil }
