package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is the whole document: method, machine, versions and tables.
func report(o options, peers []*peer, rows []row) string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	b.WriteString("Written by the program in `bench/`: `cd bench && GOWORK=off go run . -o ../docs/benchmarks.md`.\n\n")
	writeMethod(&b, o)
	writeMachine(&b)
	writePeers(&b, peers)
	b.WriteString(tables(o.works, rows))
	return b.String()
}

func writeMethod(b *strings.Builder, o options) {
	fmt.Fprintf(b, `## Method

Every cell, one library doing one work once, runs in an operating system process of its own. The cells
of a work take turns over the libraries, %s each (memory, which hardly varies, once), and the tables
show the median; beside it are the slowest and the fastest run. Every message carries a number, and
every receiver checks what it got before the clock stops. Where senders can run ahead, all libraries
do the same count, and none is throttled: peak memory shows what an unbounded mailbox lets pile up.
Where only one message is on its way, the count is chosen by a first run so that a cell takes %.1f s.

- *× channel* and *× best peer* compare with plain goroutines and channels and with the best of the other
  libraries measured in the same run (for memory, less is better).
- *CPU ns* is user and system time of the whole process, set-up included, on all cores, for each unit
  of work.
- *allocs* and *bytes* are heap allocations for each unit of work.
- *peak* is the most memory ever resident in the process.
- *bytes resident* is the growth of resident memory by one process, its share of the list of references
  included, after garbage collection and after free memory was given back; *heap* and *stack* are the
  runtime's own account of it.

`, times(o.repeats), pace*o.scale)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func writeMachine(b *strings.Builder) {
	b.WriteString("## Machine\n\n")
	fmt.Fprintf(b, "- %s, %d cores, GOMAXPROCS %d%s\n", processor(), runtime.NumCPU(), runtime.GOMAXPROCS(0), memoryOfMachine())
	fmt.Fprintf(b, "- %s/%s, %s\n", runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(b, "- %s\n\n", time.Now().UTC().Format("2 January 2006"))
}

func processor() string {
	if model := procLine("/proc/cpuinfo", "model name"); model != "" {
		return model
	}
	return "an unnamed processor"
}

func memoryOfMachine() string {
	var kilobytes int64
	if _, err := fmt.Sscan(procLine("/proc/meminfo", "MemTotal"), &kilobytes); err != nil {
		return ""
	}
	return fmt.Sprintf(", %d GB of memory", kilobytes>>20)
}

// procLine is the value after "key:" in a file of the kernel's, or "".
func procLine(file, key string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(content) {
		if name, value, found := bytes.Cut(line, []byte(":")); found && string(bytes.TrimSpace(name)) == key {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

func writePeers(b *strings.Builder, peers []*peer) {
	b.WriteString("## Who is measured, and how it is set up\n\n")
	b.WriteString("Loggers are silenced everywhere.\n\n")
	for _, p := range peers {
		if p.broken != "" {
			fmt.Fprintf(b, "- **%s**: not measured; it %s.\n", p.Name, p.broken)
			continue
		}
		fmt.Fprintf(b, "- **%s** (%s): %s.\n", p.Name, p.version, p.SetUp)
	}
	b.WriteString("\n")
}
