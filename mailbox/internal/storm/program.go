package storm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// serve serves a store and writes a [Line] for each delivery to w. It never comes to
// settle the one with number hang, if that is not 0: it makes safe what it has settled,
// writes the line and waits to be killed.
func serve(s mailbox.Store, w io.Writer, hang int) error {
	n := 0
	before := func(session mailbox.Session) {
		if n++; n == hang {
			session.Flush(context.Background())
		}
	}
	return handle(context.Background(), s, before, func(d *mailbox.Delivery) {
		Line(w, d)
		if n == hang {
			_, _ = io.WriteString(w, hangs+"\n")
			select {}
		}
	})
}

// program is the role of a process that serves a store: the server's address, a lease, and
// the number of the delivery at which it hangs are its arguments.
const program = "program"

// Main plays the role that this process was started in, if that is to serve a store, and
// does not return then. Where there are [Faults], TestMain calls it first.
func Main(open Opener) {
	if os.Getenv(Role) != program {
		return
	}
	lease, err1 := time.ParseDuration(os.Args[2])
	hang, err2 := strconv.Atoi(os.Args[3])
	store, err3 := open(os.Args[1], lease)
	err := errors.Join(err1, err2, err3)
	if err == nil {
		err = serve(store, os.Stdout, hang)
	}
	fmt.Fprintln(os.Stderr, "the program ended:", err)
	os.Exit(1)
}

// Role is the environment variable that tells a test binary what it was started as.
const Role = "TROUPE_TEST_ROLE"

// Child returns this test binary in another role.
func Child(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), Role+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// programs are processes that serve a store and write to one pipe.
type programs struct {
	t    testing.TB
	addr string
	out  *os.File
}

// newPrograms returns a pipe to c, and no process yet, for the server at addr.
func newPrograms(t testing.TB, c *Count, addr string) *programs {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		c.Read(r)
		r.Close()
		close(done)
	}()
	t.Cleanup(func() {
		w.Close()
		<-done
	})
	return &programs{t, addr, w}
}

// start starts one, which hangs at a delivery; see [serve]. It returns what kills it.
func (p *programs) start(hang int, lease time.Duration) (kill func()) {
	p.t.Helper()
	cmd := Child(program, p.addr, lease.String(), strconv.Itoa(hang))
	cmd.Stdout = p.out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	p.t.Cleanup(kill)
	return kill
}

// Rounds returns n, or much more if the environment asks for a long storm.
func Rounds(n int) int {
	if more, err := strconv.Atoi(os.Getenv("TROUPE_SOAK")); err == nil && more > 0 {
		return n * more
	}
	return n
}
