package ipc

import (
	"fmt"

	"github.com/troupe-go/troupe/internal/wire"
)

// What a broker is asked for: to decode a handle, on all systems, and to make something new, on
// those without shared memory.

func openBrokerLock(*wire.Decoder) (lockBackend, error)           { return nil, errNoBroker }
func openBrokerSemaphore(*wire.Decoder) (semaphoreBackend, error) { return nil, errNoBroker }
func openBrokerEvent(*wire.Decoder) (eventBackend, error)         { return nil, errNoBroker }
func openBrokerCondition(*wire.Decoder) (conditionBackend, error) { return nil, errNoBroker }
func openBrokerBarrier(*wire.Decoder) (barrierBackend, error)     { return nil, errNoBroker }
func openBrokerCells(*wire.Decoder) (cellsBackend, error)         { return nil, errNoBroker }
func openBrokerQueue(*wire.Decoder) (queueBackend, error)         { return nil, errNoBroker }
func openBrokerTasks(*wire.Decoder) (taskBackend, error)          { return nil, errNoBroker }

func newBrokerLock() (lockBackend, error)                     { return nil, errNoBroker }
func newBrokerSemaphore(int, bool) (semaphoreBackend, error)  { return nil, errNoBroker }
func newBrokerEvent() (eventBackend, error)                   { return nil, errNoBroker }
func newBrokerCondition() (conditionBackend, error)           { return nil, errNoBroker }
func newBrokerBarrier(parties int) (barrierBackend, error)    { return nil, errNoBroker }
func newBrokerCells(size, count int) (cellsBackend, error)    { return nil, errNoBroker }
func newBrokerQueue(limits queueLimits) (queueBackend, error) { return nil, errNoBroker }
func newBrokerTasks(limits queueLimits) (taskBackend, error)  { return nil, errNoBroker }

var errNoBroker = fmt.Errorf("%w: it needs shared memory, which is for Linux", ErrUnsupported)
