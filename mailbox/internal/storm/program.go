package storm

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

// Program serves a store and writes a [Line] for each delivery to w. It never comes to
// settle the one with number hang, if that is not 0: it makes safe what it has settled,
// writes the line and waits to be killed.
func Program(s mailbox.Store, w io.Writer, hang int) error {
	n := 0
	before := func(session mailbox.Session) {
		if n++; n == hang {
			session.Flush(context.Background())
		}
	}
	return Serve(context.Background(), s, before, func(d *mailbox.Delivery) {
		Line(w, d)
		if n == hang {
			_, _ = io.WriteString(w, hangs+"\n")
			select {}
		}
	})
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

// Programs are processes that serve a store and write to one pipe.
type Programs struct {
	t   testing.TB
	out *os.File
}

// NewPrograms returns a pipe to c and no process yet.
func NewPrograms(t testing.TB, c *Count) *Programs {
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
	return &Programs{t: t, out: w}
}

// Start starts one, in the role "program", whose last argument says when it hangs; see
// [Program]. It returns what kills it.
func (p *Programs) Start(hang int, args ...string) (kill func()) {
	p.t.Helper()
	cmd := Child("program", append(args, strconv.Itoa(hang))...)
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
