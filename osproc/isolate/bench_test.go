//go:build unix

package isolate_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// counting counts bytes, and says how many when it is asked.
type count struct {
	Body []byte
	Call troupe.Call[troupe.None, int]
}

var counting = isolate.Register("counting", func(self *troupe.Self[count], _ troupe.None) error {
	n := 0
	for m := range self.Messages() {
		if m.Body.Body == nil {
			if err := m.Body.Call.Reply(self, n); err != nil {
				return err
			}
			continue
		}
		n += len(m.Body.Body)
	}
	return nil
})

// plain counts messages of 64 bytes, and echoes one that begins with 1.
var plain = isolate.Register("plain", func(self *troupe.Self[[64]byte], _ troupe.None) error {
	for m := range self.Messages() {
		if m.Body[0] == 1 {
			if err := m.Reply(self, m.Body); err != nil {
				return err
			}
		}
	}
	return nil
})

func BenchmarkOneWay(b *testing.B) {
	b.Run("array", func(b *testing.B) {
		stage(b, func(self *troupe.Self[[64]byte]) {
			ref := isolate.Spawn(self, plain, troupe.None{})
			for i := range b.N {
				if err := ref.Send(self, [64]byte{}); err != nil {
					b.Fatal(err)
				}
				if i%10_000 == 0 || i == b.N-1 { // until all has arrived
					_ = ref.Send(self, [64]byte{1})
					next(b, self)
				}
			}
		})
	})
	b.Run("slice", func(b *testing.B) {
		stage(b, func(self *troupe.Self[int]) {
			ref := isolate.Spawn(self, counting, troupe.None{})
			body := make([]byte, 64)
			for n := range b.N {
				if err := ref.Send(self, count{Body: body}); err != nil {
					b.Fatal(err)
				}
				if n%10_000 != 0 && n != b.N-1 {
					continue
				}
				got, err := troupe.AskWith(self, ref, func(c troupe.Call[troupe.None, int]) count { return count{Call: c} }, troupe.None{})
				if err != nil || got != 64*(n+1) {
					b.Fatal(got, err)
				}
			}
		})
	})
}

var asked = isolate.Register("asked", func(self *troupe.Self[troupe.Call[[64]byte, [64]byte]], _ troupe.None) error {
	for m := range self.Messages() {
		if err := m.Body.Reply(self, m.Body.Request); err != nil {
			return err
		}
	}
	return nil
})

// BenchmarkAsk compares a question with a round trip of as many bytes over a bare socket
// pair to an OS process that does nothing else.
func BenchmarkAsk(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		c := bareEcho(b)
		var buf [64]byte
		for b.Loop() {
			if _, err := c.Write(buf[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ask", func(b *testing.B) {
		b.ReportAllocs()
		stage(b, func(self *troupe.Self[int]) {
			ref := isolate.Spawn(self, asked, troupe.None{})
			for b.Loop() {
				if _, err := troupe.Ask(self, ref, [64]byte{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

const bareVariable = "ISOLATE_TEST_BARE"

// serveBare is the other side of bareEcho.
func serveBare() {
	c, err := net.FileConn(os.NewFile(3, "socket"))
	if err != nil {
		panic(err)
	}
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			os.Exit(0)
		}
		_, _ = c.Write(b[:n])
	}
}

func bareEcho(b *testing.B) net.Conn {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		b.Fatal(err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	mine, theirs := os.NewFile(uintptr(fds[0]), "mine"), os.NewFile(uintptr(fds[1]), "theirs")
	defer mine.Close()
	defer theirs.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), bareVariable+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c, err := net.FileConn(mine)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Close()
		_ = cmd.Wait()
	})
	return c
}

func BenchmarkSpawn(b *testing.B) {
	stage(b, func(self *troupe.Self[int]) {
		for b.Loop() {
			ref := isolate.Spawn(self, ender, "normal")
			if err := reason(b, self, ref.PID()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
