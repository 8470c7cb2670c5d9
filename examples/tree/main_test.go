package main

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// TestMain runs the program itself when a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_TREE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestTree(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a program cannot be interrupted there")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "RUN_TREE=1")
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"2 <nil>", "0 panic: runtime error: integer divide by zero", "4 <nil>"} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("got %q, want %q", lines.Text(), want)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error("after an interrupt:", err)
	}
}
