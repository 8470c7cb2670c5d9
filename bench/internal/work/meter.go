package work

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// Meter takes the figures of one cell.
type Meter struct {
	started time.Time
	before  runtime.MemStats
	res     Result
}

// Result is what one cell reports to the process that started it.
type Result struct {
	Count   int
	Seconds float64
	Mallocs uint64 // heap objects allocated by the work
	Bytes   uint64 // bytes of heap allocated by the work
	Peak    int64  // the most bytes ever resident in the cell's process
	Idle    Memory // per process, before its first message
	Touched Memory // per process, after its first message
	Failure string

	// CPU is the user and system time of the whole process, which the
	// starting process fills in.
	CPU time.Duration
}

// Memory is what one process of a million costs.
type Memory struct{ Resident, Heap, Stack float64 }

// Begin starts the clock. What a peer sets up before is not measured.
func (m *Meter) Begin() {
	runtime.GC()
	runtime.ReadMemStats(&m.before)
	m.started = time.Now()
}

// End stops the clock.
func (m *Meter) End() {
	m.res.Seconds = time.Since(m.started).Seconds()
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	m.res.Mallocs = after.Mallocs - m.before.Mallocs
	m.res.Bytes = after.TotalAlloc - m.before.TotalAlloc
	m.res.Peak = procStatus("VmHWM:")
}

// Idle measures what n processes keep resident: spawn starts them, touch
// sends one message to each and waits until all have handled it. The list of
// references that the two share counts too, for without it nobody could send
// to the processes.
func (m *Meter) Idle(n int, spawn, touch func() error) error {
	base := settle()
	m.Begin()
	if err := spawn(); err != nil {
		return err
	}
	m.End()
	m.res.Idle = settle().per(n, base)
	if err := touch(); err != nil {
		return err
	}
	m.res.Peak = procStatus("VmHWM:")
	m.res.Touched = settle().per(n, base)
	runtime.KeepAlive(touch)
	return nil
}

// footprint is the memory of this operating system process.
type footprint struct{ resident, heap, stack int64 }

func (f footprint) per(n int, base footprint) Memory {
	return Memory{
		Resident: float64(f.resident-base.resident) / float64(n),
		Heap:     float64(f.heap-base.heap) / float64(n),
		Stack:    float64(f.stack-base.stack) / float64(n),
	}
}

// settle collects garbage, gives free memory back and reads the footprint,
// again and again until it no longer moves by a hundredth: some libraries
// finish their starts in the background.
func settle() footprint {
	var last footprint
	for range 20 {
		debug.FreeOSMemory() // collects garbage first
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		now := footprint{procStatus("VmRSS:"), int64(stats.HeapAlloc), int64(stats.StackInuse)}
		if diff := now.resident - last.resident; max(diff, -diff) <= last.resident/100 {
			return now
		}
		last = now
		time.Sleep(50 * time.Millisecond)
	}
	return last
}

// procStatus reads one size from the kernel's account of this process, in
// bytes. It is 0 where the system has no such account; the report then shows
// no memory.
func procStatus(field string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		rest, found := bytes.CutPrefix(line, []byte(field))
		if !found {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kilobytes, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0
		}
		return kilobytes << 10
	}
	return 0
}

// Brief is the line that shows while the cells run.
func (r Result) Brief() string {
	switch {
	case r.Failure != "":
		return "failed: " + r.Failure
	case r.Idle.Resident > 0:
		return fmt.Sprintf("%.0f bytes idle, %.0f after a message", r.Idle.Resident, r.Touched.Resident)
	}
	return fmt.Sprintf("%.3f million/s in %.2f s, peak %d MB", r.Rate()/1e6, r.Seconds, r.Peak>>20)
}

// Rate is units a second.
func (r Result) Rate() float64 { return float64(r.Count) / r.Seconds }
