package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is the command of that name.
type version struct{}

// Run prints the version of the program, and what it was built with.
func (version) Run(c console) error {
	v, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			v = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	_, err := fmt.Fprintf(c.out, "troupe %s%s %s %s/%s\n", v, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
