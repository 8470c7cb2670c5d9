package redis_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// A server is a redis-server of the test's own, on a free port, in a folder of its own.
type server struct {
	dir  string
	addr string
	args []string
	cmd  *exec.Cmd
	gone chan struct{}
}

// startServer starts a redis-server that syncs always. If there is none it skips the test,
// but never where changes are judged.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		const missing = "NOT TESTED: there is no redis-server: apt-get install redis-server, or brew install redis"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		fmt.Fprintln(os.Stderr, missing)
		t.Skip(missing)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{dir: t.TempDir(), addr: l.Addr().String(), args: args}
	l.Close()
	s.Start(t)
	t.Cleanup(s.Kill)
	return s
}

// Addr is where it listens.
func (s *server) Addr() string { return s.addr }

func (s *server) url() string { return "redis://" + s.addr }

// Start starts the server and waits until it says that it is ready.
func (s *server) Start(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	s.gone = make(chan struct{})
	go func() {
		var once sync.Once
		var said strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(&said, lines.Text())
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				once.Do(func() { close(ready) })
			}
		}
		s.cmd.Wait()
		close(s.gone)
		once.Do(func() { fmt.Fprint(os.Stderr, said.String()); close(ready) })
	}()
	<-ready
}

// Kill kills the server with SIGKILL and waits until it has gone.
func (s *server) Kill() {
	s.cmd.Process.Kill()
	<-s.gone
}
