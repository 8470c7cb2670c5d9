//go:build unix

package wire

import (
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
)

// The other side of these benchmarks is another OS process: this test binary,
// started again with roleVariable set.
const roleVariable = "WIRE_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	c, err := net.FileConn(os.NewFile(3, "socket"))
	if err != nil {
		panic(err)
	}
	switch role {
	case "bare":
		b := make([]byte, 64<<10)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			_, _ = c.Write(b[:n])
		}
	case "echo", "sink":
		l := NewLink(c.(*net.UnixConn))
		for {
			kind, body, err := l.Receive()
			if err != nil {
				return
			}
			if role == "echo" || kind == 1 {
				_ = l.Send(kind, func(e *Encoder) error { e.Bytes = append(e.Bytes, body.Bytes...); return nil })
			}
		}
	case "drain":
		_, _ = io.Copy(io.Discard, c)
	}
}

// start runs this binary in a role and returns the socket to it.
func start(b *testing.B, role string) *net.UnixConn {
	mine, theirs := sockets(b)
	f, err := theirs.File()
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	theirs.Close()
	b.Cleanup(func() {
		mine.Close()
		_ = cmd.Wait()
	})
	return mine
}

func BenchmarkRoundTrip(b *testing.B) {
	message := make([]byte, 64)
	b.Run("bare", func(b *testing.B) {
		c := start(b, "bare")
		buf := make([]byte, 100)
		for b.Loop() {
			if _, err := c.Write(message); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf[:64]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("link", func(b *testing.B) {
		b.ReportAllocs()
		l := NewLink(start(b, "echo"))
		for b.Loop() {
			if err := l.Send(1, func(e *Encoder) error { e.Bytes = append(e.Bytes, message...); return nil }); err != nil {
				b.Fatal(err)
			}
			if _, _, err := l.Receive(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOneWay(b *testing.B) {
	message := make([]byte, 64)
	fill := func(e *Encoder) error { e.Bytes = append(e.Bytes, message...); return nil }
	b.Run("bare", func(b *testing.B) {
		c := start(b, "drain")
		for b.Loop() {
			if _, err := c.Write(message); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("link", func(b *testing.B) {
		b.ReportAllocs()
		l := NewLink(start(b, "sink"))
		for b.Loop() {
			if err := l.Send(0, fill); err != nil {
				b.Fatal(err)
			}
		}
		if err := l.Send(1, fill); err != nil {
			b.Fatal(err)
		}
		if _, _, err := l.Receive(); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("link 8 senders", func(b *testing.B) {
		l := NewLink(start(b, "sink"))
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := l.Send(0, fill); err != nil {
					b.Error(err)
				}
			}
		})
		if err := l.Send(1, fill); err != nil {
			b.Fatal(err)
		}
		if _, _, err := l.Receive(); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("1 MiB", func(b *testing.B) {
		l := NewLink(start(b, "sink"))
		message := make([]byte, 1<<20)
		b.SetBytes(1 << 20)
		for b.Loop() {
			if err := l.Send(0, func(e *Encoder) error { e.Bytes = append(e.Bytes, message...); return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAsking has many goroutines wait for an echo, as the callers of a pool do.
func BenchmarkAsking(b *testing.B) {
	l := NewLink(start(b, "echo"))
	const callers = 128
	var tokens [callers]chan struct{}
	for i := range tokens {
		tokens[i] = make(chan struct{}, 1)
	}
	go func() {
		for {
			kind, _, err := l.Receive()
			if err != nil {
				return
			}
			tokens[kind] <- struct{}{}
		}
	}()
	var n atomic.Int32
	b.SetParallelism(callers / 2)
	b.RunParallel(func(pb *testing.PB) {
		me := byte(n.Add(1) - 1)
		for pb.Next() {
			if err := l.Send(me, func(e *Encoder) error { e.Bytes = append(e.Bytes, "01234567"...); return nil }); err != nil {
				b.Error(err)
				return
			}
			<-tokens[me]
		}
	})
}
