//go:build unix

package isolate_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

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

// BenchmarkAsk has as its unit x-bare how much longer a question takes than a round trip
// of as many bytes over a bare socket pair to an OS process that does nothing else; the
// two take turns.
func BenchmarkAsk(b *testing.B) {
	benchmarkAsk(b, func(self *troupe.Self[int]) context.Context { return self })
}

// BenchmarkAskWithContext is BenchmarkAsk with a context that may end before the process.
func BenchmarkAskWithContext(b *testing.B) {
	benchmarkAsk(b, func(self *troupe.Self[int]) context.Context {
		ctx, cancel := context.WithCancel(self)
		b.Cleanup(cancel)
		return ctx
	})
}

func benchmarkAsk(b *testing.B, from func(*troupe.Self[int]) context.Context) {
	b.ReportAllocs()
	c := bareEcho(b)
	stage(b, func(self *troupe.Self[int]) {
		ref := isolate.Spawn(self, asked, troupe.None{})
		ctx := from(self)
		ask := func() {
			if _, err := troupe.Ask(ctx, ref, [64]byte{}); err != nil {
				b.Fatal(err)
			}
		}
		const group = 100
		var asks, bares []time.Duration
		b.ResetTimer()
		for n := 0; n < b.N; n += group {
			asks = append(asks, timed(min(group, b.N-n), ask))
			b.StopTimer()
			bares = append(bares, timed(group, func() { roundTrip(b, c) }))
			b.StartTimer()
		}
		b.StopTimer()
		if b.N >= group {
			b.ReportMetric(float64(median(asks))/float64(median(bares)), "x-bare")
		}
	})
}

// BenchmarkBareAsk is the round trip that BenchmarkAsk compares with, by itself.
func BenchmarkBareAsk(b *testing.B) {
	c := bareEcho(b)
	for b.Loop() {
		roundTrip(b, c)
	}
}

func timed(n int, f func()) time.Duration {
	begun := time.Now()
	for range n {
		f()
	}
	return time.Since(begun)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func roundTrip(b *testing.B, c net.Conn) {
	var buf [64]byte
	if _, err := c.Write(buf[:]); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf[:]); err != nil {
		b.Fatal(err)
	}
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
