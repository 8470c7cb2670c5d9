package jetstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/troupe-go/troupe/mailbox/internal/storm"
)

// TestMain runs the tests, or is one of the processes that they need.
func TestMain(m *testing.M) {
	storm.Main(faults.Open)
	if os.Getenv(storm.Role) == "server" {
		runServer(os.Args[1], os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// runServer is a nats-server that syncs always, until its standard input ends.
func runServer(dir, addr string) {
	_, number, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(number)
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true, MaxPayload: 8 << 20,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ns.Start()
	if !ns.ReadyForConnections(20 * time.Second) {
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

// A natsServer is a server in a process of its own.
type natsServer struct {
	dir, addr string
	cmd       *exec.Cmd
}

func startNats(t testing.TB) *natsServer {
	t.Helper()
	s := &natsServer{dir: t.TempDir(), addr: freeAddr(t)}
	s.Start(t)
	t.Cleanup(s.Kill)
	return s
}

// freeAddr returns an address of this machine on which nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Addr is where it listens.
func (s *natsServer) Addr() string { return s.addr }

func (s *natsServer) url() string { return "nats://" + s.addr }

// Start starts the server and waits until it is ready.
func (s *natsServer) Start(t testing.TB) {
	t.Helper()
	s.cmd = storm.Child("server", s.dir, s.addr)
	s.cmd.StdinPipe()
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "ready" {
		t.Fatal("the nats-server did not start")
	}
}

// Kill kills the server with SIGKILL and waits until it has gone.
func (s *natsServer) Kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}
