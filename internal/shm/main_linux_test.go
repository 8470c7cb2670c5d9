package shm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// children are what the test binary does when it is started again, by name. A child has the
// region's descriptors from 3 on, and talks with the test over its standard input and output.
var children = map[string]func(*child){}

const childEnv = "SHM_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	c := &child{in: bufio.NewReader(os.Stdin)}
	for i := range 1 + testLayout.Bells {
		c.files = append(c.files, 3+i)
	}
	children[name](c)
}

// testLayout is that of every region in these tests.
var testLayout = Layout{Kind: 'T', Size: 4096, Bells: 2}

// A child is the test binary seen from inside, when it was started again.
type child struct {
	in    *bufio.Reader
	files []int
}

func (c *child) open() *Region {
	r, err := Open(testLayout, c.files)
	if err != nil {
		panic(err)
	}
	return r
}

// wait waits for a line from the test, and ends the child if the test has gone.
func (c *child) wait() string {
	line, err := c.in.ReadString('\n')
	if err != nil {
		os.Exit(0)
	}
	return strings.TrimSpace(line)
}

func (c *child) say(v any) { fmt.Println(v) }

// A proc is a child seen from the test.
type proc struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t testing.TB, name string, r *Region) *proc {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	for _, fd := range r.Files() {
		f := dup(t, fd)
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &proc{t, cmd, in, bufio.NewReader(out)}
	t.Cleanup(func() { p.kill() })
	return p
}

func (p *proc) read() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("the child said nothing: %v", err)
	}
	return strings.TrimSpace(line)
}

func (p *proc) tell(line string) { fmt.Fprintln(p.in, line) }

// kill kills the child and waits for its end.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func newRegion4Test(t testing.TB) *Region {
	t.Helper()
	r, err := Create(testLayout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Release)
	return r
}

// rounds is how often a storm blows: more often for TROUPE_SOAK.
func rounds(n int) int {
	soak, _ := strconv.Atoi(os.Getenv("TROUPE_SOAK"))
	return n * max(1, 10*soak)
}

// soon is a context for what must happen.
func soon(t testing.TB) context.Context { return t.Context() }
