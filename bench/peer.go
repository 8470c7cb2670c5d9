package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/troupe-go/troupe/bench/internal/work"
)

// peerNames are the directories under peers/, in the order of the rows.
var peerNames = []string{
	"channel", "ergo", "hollywood", "protoactor", "goakt", "troupe-handler", "troupe-direct",
}

// peer is a peer's program, or why there is none.
type peer struct {
	work.Description
	program string
	version string
	broken  string
}

// build compiles the program of a peer into dir and asks it who it is. Each
// is built in its own directory, where it may be a module of its own: two of
// the libraries cannot be linked into one program. A workspace around it is
// not used, for it would give all of them the same versions of what they need.
func build(dir, name string) *peer {
	p := &peer{Description: work.Description{Name: name}, program: filepath.Join(dir, name)}
	cmd := exec.Command("go", "build", "-o", p.program, ".")
	cmd.Dir = filepath.Join("peers", name)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.broken = "does not build: " + explain(err, string(out))
		return p
	}
	out, err := exec.Command(p.program, "-describe").Output()
	if err == nil {
		err = json.Unmarshal(out, &p.Description)
	}
	if err != nil {
		p.broken = "does not say who it is: " + err.Error()
		return p
	}
	p.version = version(p)
	return p
}

// version is the version of the library that the program was built with.
func version(p *peer) string {
	info, err := buildinfo.ReadFile(p.program)
	switch {
	case p.Ours:
		return "this checkout"
	case err != nil:
		return p.Module
	case p.Module == "":
		return info.GoVersion
	}
	for _, dep := range info.Deps {
		if dep.Path != p.Module {
			continue
		}
		if dep.Replace != nil {
			return dep.Path + " " + dep.Version + ", replaced by a local copy"
		}
		return dep.Path + " " + dep.Version
	}
	return p.Module
}

// explain makes one short line of what a program printed before it failed.
// Lines that begin with # are headings of the go command.
func explain(err error, output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		const most = 120
		if len(line) > most {
			line = line[:most] + " …"
		}
		return line
	}
	if err != nil {
		return err.Error()
	}
	return "no output"
}
