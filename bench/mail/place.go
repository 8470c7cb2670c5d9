package main

import (
	"fmt"
	"os"
)

// A place is where a system is measured: it goes with all that was made in it.
type place struct {
	ends []func()
}

// skipped and failed are what Skip and Fatal panic with.
type (
	skipped string
	failed  struct{ error }
)

// Skip says why a system cannot be measured on this machine.
func (p *place) Skip(why string) { panic(skipped(why)) }

// Fatal says why a system could not be measured.
func (p *place) Fatal(err any) { panic(failed{fmt.Errorf("%v", err)}) }

// Cleanup leaves something to be done at the end; the last first.
func (p *place) Cleanup(f func()) { p.ends = append(p.ends, f) }

// TempDir returns a folder that goes with the place.
func (p *place) TempDir() string {
	dir, err := os.MkdirTemp("", "bench-mail-")
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (p *place) end() {
	for len(p.ends) > 0 {
		last := p.ends[len(p.ends)-1]
		p.ends = p.ends[:len(p.ends)-1]
		last()
	}
}
