//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// program returns the built program, ready to be started.
func program(t *testing.T, mode string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"="+mode)
	return cmd
}

// sizeOfEndless is that of a file which takes minutes to count and no space.
const sizeOfEndless = 256 << 30

func endless(t *testing.T) string {
	t.Helper()
	dir := lay(t, "0", "a small file", "endless", strings.Repeat("words and more words ", 1000))
	if err := os.Truncate(filepath.Join(dir, "endless"), sizeOfEndless); err != nil {
		t.Skip("no sparse files here:", err)
	}
	return dir
}

func TestProgramExitCodes(t *testing.T) {
	dir := lay(t, "good", "some words", "bad", "more words")
	for _, c := range []struct {
		code int
		args []string
	}{
		{exitOK, []string{"demo", dir}},
		{exitOK, []string{"--help"}},
		{exitOK, []string{"version"}},
		{exitFailed, []string{"demo", "--poison=bad", dir}},
		{exitUsage, []string{"demo", filepath.Join(dir, "missing")}},
		{exitUsage, []string{"demo", "--crew=-1"}},
	} {
		cmd := program(t, "1", c.args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%q: exit code %d, want %d:\n%s", c.args, got, c.code, out)
		}
	}
}

// Ctrl-C in the middle of a file: crashes on the way show that work goes on.
func TestProgramInterrupted(t *testing.T) {
	cmd := program(t, "1", "demo", "-v", "-n", "2", "--crash-every=1ms", endless(t))
	pipe, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewReader(pipe)
	awaitLine(t, lines, "restarting")
	must(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(lines)
	must(t, err)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d: %v", code, cmd.ProcessState)
	}
	wants(t, string(rest), `troupe demo: interrupted: [01] of 2 files counted, .*; the crew has stopped in good order\n$`)
}

func TestSecondInterruptKills(t *testing.T) {
	cmd := program(t, "deaf")
	pipe, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewReader(pipe)
	awaitLine(t, lines, "up")
	must(t, cmd.Process.Signal(os.Interrupt))
	awaitLine(t, lines, "interrupted")
	must(t, cmd.Process.Signal(os.Interrupt))
	cmd.Wait()
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGINT {
		t.Errorf("the program ended with %v", cmd.ProcessState)
	}
}

func awaitLine(t *testing.T, r *bufio.Reader, part string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		must(t, err)
		if strings.Contains(line, part) {
			return
		}
	}
}

// Whoever runs this test as root needs somebody else to be refused.
func TestProgramUnreadable(t *testing.T) {
	dir, err := os.MkdirTemp("", "troupe")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	tree := filepath.Join(dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "closed"), 0o755))
	must(t, os.WriteFile(filepath.Join(tree, "good"), []byte("some words"), 0o644))
	must(t, os.WriteFile(filepath.Join(tree, "secret"), []byte("other words"), 0))
	must(t, os.Chmod(filepath.Join(tree, "closed"), 0))
	cmd := program(t, "1", "demo", tree)
	if os.Geteuid() == 0 {
		cmd.Path = asNobody(t, cmd, dir)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); errors.Is(err, syscall.EPERM) {
		t.Skip("cannot run the program as somebody else:", err)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitOK || strings.Contains(stderr.String(), "troupe demo") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	wants(t, stdout.String(), "unreadable +closed: permission denied", "unreadable +secret: permission denied",
		"2 words, 2 different, in 1 file", "1 unreadable", "agree in every word")
}

// asNobody makes the program run as a user without rights, from a copy that
// this user can reach.
func asNobody(t *testing.T, cmd *exec.Cmd, dir string) string {
	t.Helper()
	binary, err := os.ReadFile(cmd.Path)
	must(t, err)
	copied := filepath.Join(dir, "program")
	must(t, os.WriteFile(copied, binary, 0o755))
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return copied
}
