package ipc

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

// Tests that need another OS process start this test binary again. What the child does is its
// role: a function registered under a name at the top of a test file. It talks with its
// parent through a connection, over which whatever can travel can be sent.

// roles are what children can do, by name.
var roles = map[string]func(ctx context.Context, parent *Conn) error{}

func addRole(name string, f func(ctx context.Context, parent *Conn) error) string {
	roles[name] = f
	return name
}

const roleVariable = "IPC_TEST_ROLE"

func TestMain(m *testing.M) {
	if name := os.Getenv(roleVariable); name != "" {
		os.Exit(playRole(name))
	}
	os.Exit(m.Run())
}

func playRole(name string) int {
	os.Unsetenv(roleVariable)
	go func() { // the child ends with its parent, however that ends
		_, _ = os.NewFile(4, "life").Read(make([]byte, 1))
		os.Exit(1)
	}()
	f := os.NewFile(3, "parent")
	nc, err := net.FileConn(f)
	f.Close()
	if err == nil {
		err = roles[name](context.Background(), newConn(newStream(nc), true))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "child %s: %v\n", name, err)
		return 1
	}
	return 0
}

// A child is another OS process. It is killed when its test ends.
type child struct {
	*Conn
	t    testing.TB
	cmd  *exec.Cmd
	life *os.File // the child reads from its other end
	once sync.Once
	err  error
}

// startRole starts a child that plays the role.
func startRole(t testing.TB, name string) *child {
	t.Helper()
	if roles[name] == nil {
		t.Fatalf("no role %q", name)
	}
	here, there, err := Pipe()
	if err != nil {
		t.Fatal(err)
	}
	file, err := there.c.conn.(*net.UnixConn).File()
	if err != nil {
		t.Fatal(err)
	}
	there.Close()
	read, life, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+name)
	cmd.ExtraFiles = []*os.File{file, read}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	read.Close()
	c := &child{Conn: here, t: t, cmd: cmd, life: life}
	t.Cleanup(func() { c.kill(); c.Close() })
	return c
}

// kill kills the child with SIGKILL and waits for its end.
func (c *child) kill() {
	_ = c.cmd.Process.Signal(syscall.SIGKILL)
	_ = c.wait()
}

// wait waits for the child's end.
func (c *child) wait() error {
	c.once.Do(func() {
		c.err = c.cmd.Wait()
		c.life.Close()
	})
	return c.err
}

// tell sends v to the child.
func tell[T any](t testing.TB, c *Conn, v T) {
	t.Helper()
	if err := Send(t.Context(), c, v); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// hear receives a T.
func hear[T any](t testing.TB, c *Conn) T {
	t.Helper()
	v, err := Receive[T](t.Context(), c)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return v
}
