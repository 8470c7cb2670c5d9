//go:build linux

package child

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/troupe-go/troupe/internal/wire"
)

// stranger starts another program as if it were a worker of this one.
func stranger(t *testing.T, path string, args ...string) (*Child, *exec.Cmd) {
	t.Helper()
	conn, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	crash, err := crashFile()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), tokenVar+"=token")
	cmd.ExtraFiles = []*os.File{theirs, crash}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	crash.Close()
	c := &Child{name: "stranger", link: wire.NewLink(conn), proc: osProc{p: cmd.Process}, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-c.done
		c.link.Close()
	})
	return c, cmd
}

func TestAnotherProgramOnTheOtherSide(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("programs cannot be built here")
	}
	path := filepath.Join(t.TempDir(), "sometimes")
	if out, err := exec.Command("go", "build", "-o", path, "../../testdata/sometimes").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c, cmd := stranger(t, path, "sometimes")
	err := c.hear(Config{}, "token")
	if !errors.Is(err, wire.ErrOtherProgram) || !strings.Contains(err.Error(), "stranger is another program than this one") {
		t.Error(err)
	}
	c.link.Close()
	if <-c.done; cmd.ProcessState.Success() {
		t.Error("the other program is content:", cmd.ProcessState)
	}
}

// Something that has nothing to do with this library.
func TestNoise(t *testing.T) {
	for script, want := range map[string]string{
		"echo this is not a frame, and it goes on for a while >&3": "osproc: ",
		"exit 3": "is osproc.Main() called first thing in main",
	} {
		c, _ := stranger(t, "/bin/sh", "-c", script)
		if err := c.hear(Config{}, "token"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", script, err)
		}
	}
}
