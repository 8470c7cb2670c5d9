//go:build linux

package bolt

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// crammedByLimit is crammed in a program that may not write larger files.
func crammedByLimit(dir string, _ []string) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return crammed(dir, func() error {
		info, err := os.Stat(filepath.Join(dir, "mail.db"))
		if err != nil {
			return err
		}
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()) + 100_000, Max: limit.Max})
	}, func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit) })
}

func init() { roles["limit"] = crammedByLimit }

// TestFullDisk: an error says that the disk is full; nothing that was put is lost, what
// was settled does not come again, and there is no need to open the file anew.
func TestFullDisk(t *testing.T) {
	t.Run("limit", func(t *testing.T) {
		p := start(t, "limit", t.TempDir())
		for p.lines.Scan() {
			t.Log(p.lines.Text())
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("disk", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
			t.Skip("only who may mount a disk can fill it:", err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
		ballast := filepath.Join(dir, "ballast")
		err := crammed(dir, func() error {
			return os.WriteFile(ballast, make([]byte, 400_000), 0o600)
		}, func() error { return os.Remove(ballast) })
		if err != nil {
			t.Error(err)
		}
	})
}
