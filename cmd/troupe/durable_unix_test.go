//go:build unix

package main

import (
	"bufio"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// TestG70_ProgramKilled kills the whole program again and again, with workers of both
// kinds, and lets the last one come to its end.
func TestG70_ProgramKilled(t *testing.T) {
	source, err := goSource(t.Context())
	must(t, err)
	tree := filepath.Join(source, "crypto")
	state := filepath.Join(t.TempDir(), "state")
	args := []string{"demo", "--durable", state, "--crash-every=2ms", "-v", tree}
	for round := range 5 {
		kind := []string{"goroutines", "os"}[round%2]
		killAfter(t, rand.IntN(20), append(args, "--workers", kind)...)
	}
	out, err := program(t, "1", args...).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, string(out), `durable +[\d,]+ files? counted before`, "agree in every word")
	t.Log(lineWith(string(out), "durable"))
}

// killAfter starts the program and kills it when it has told of so many restarts.
func killAfter(t *testing.T, restarts int, args ...string) {
	t.Helper()
	cmd := program(t, "1", args...)
	pipe, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "restarting") {
			if restarts--; restarts < 0 {
				break
			}
		}
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestDurableOfOtherFiles: a state is not mixed with the files of another tree, and is
// not shared by two programs.
func TestDurableOfOtherFiles(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	one, two := lay(t, "a", "some words"), lay(t, "a", "some words")
	for _, c := range []struct {
		code int
		dir  string
		want string
	}{
		{exitOK, one, "0 files counted before"},
		{exitOK, one, "1 file counted before"},
		{exitUsage, two, "is of other files; name another directory"},
	} {
		cmd := program(t, "1", "demo", "--durable", state, c.dir)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("exit code %d, want %d:\n%s", got, c.code, out)
		}
		wants(t, string(out), c.want)
	}
	cmd := program(t, "1", "demo", "--durable", filepath.Join(one, "a"), one)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != exitUsage {
		t.Errorf("a file as directory: exit code %d:\n%s", got, out)
	}
}
