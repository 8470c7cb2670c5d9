package bolt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

// The test binary is also the program that is killed: TROUPE_TEST_ROLE says as what it
// was started, its arguments are the folder that it works in and what its role needs.
const roleVariable = "TROUPE_TEST_ROLE"

var roles = map[string]func(dir string, args []string) error{
	"traffic": traffic,
	"collect": collect,
	"hang":    hang,
	"die":     die,
	"hold":    hold,
	"process": process,
	"station": stationProgram,
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A program is the test binary in a role.
type program struct {
	*exec.Cmd
	lines *bufio.Scanner
}

// start starts the test binary in a role.
func start(t *testing.T, role, dir string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{dir}, args...)...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	out, in, err := os.Pipe() // which can be read after Wait
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	cmd.Stdout = in
	err = cmd.Start()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	return &program{cmd, bufio.NewScanner(out)}
}

// until waits until the program says something.
func (p *program) until(t *testing.T, what string) {
	t.Helper()
	for p.lines.Scan() {
		if p.lines.Text() == what {
			return
		}
	}
	t.Fatalf("the program has ended and did not say %q", what)
}

func kill(t *testing.T, cmd *program) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal("the program has ended by itself:", err)
	}
	cmd.Wait()
}

// rounds returns n, or much more if the environment asks for a long storm.
func rounds(n int) int {
	if more, err := strconv.Atoi(os.Getenv("TROUPE_SOAK")); err == nil && more > 0 {
		return n * more
	}
	return n
}

// A notebook is a file to which a program that will be killed writes what it has done:
// a line is there as soon as write has returned.
type notebook struct{ *os.File }

func openNotebook(dir string) (notebook, error) {
	f, err := os.OpenFile(filepath.Join(dir, "notes"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return notebook{f}, err
}

func (n notebook) write(format string, args ...any) { fmt.Fprintf(n, format+"\n", args...) }

// A reader reads the notebook of a folder.
type reader struct {
	t    *testing.T
	dir  string
	seen int64
}

// each calls f with each line that has come since the last time.
func (r *reader) each(f func(fields []string)) {
	r.t.Helper()
	file, err := os.Open(filepath.Join(r.dir, "notes"))
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, r.seen, 1<<40))
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		r.seen += int64(len(line))
		f(strings.Fields(string(line)))
	}
}

// handleAll serves a store: handle is called for each delivery, and settles it.
func handleAll(s mailbox.Store, handle func(mailbox.Session, mailbox.Box, *mailbox.Delivery) error) error {
	ctx := context.Background()
	session, err := s.Serve(ctx, mailbox.Serving{Window: 8})
	if err != nil {
		return err
	}
	into := make([]mailbox.Delivery, 4)
	for {
		b, err := session.Next(ctx)
		if err != nil {
			return err
		}
		for {
			n, err := b.Fetch(into, func() {})
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			for i := range into[:n] {
				if err := handle(session, b, &into[i]); err != nil {
					return err
				}
			}
		}
		if err := b.Release(0); err != nil {
			return err
		}
	}
}

// traffic puts and handles mail until it is killed. Its arguments are from where each
// sender goes on. It notes "put sender number" when a Put has returned, "got sender
// number count" before it settles a delivery, and "safe sender number" when that has
// been flushed.
func traffic(dir string, args []string) error {
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	notes, err := openNotebook(dir)
	if err != nil {
		return err
	}
	for sender, from := range args {
		n, err := strconv.Atoi(from)
		if err != nil {
			return err
		}
		go sendForever(s, notes, sender, n)
	}
	type letter struct{ sender, number int }
	var settled []letter
	works := sync.OnceFunc(func() { fmt.Println("works") })
	return handleAll(s, func(session mailbox.Session, b mailbox.Box, d *mailbox.Delivery) error {
		var l letter
		if _, err := fmt.Sscan(string(d.Body), &l.sender, &l.number); err != nil {
			return err
		}
		works()
		notes.write("got %d %d %d", l.sender, l.number, d.Count)
		if err := b.Settle([]mailbox.Outcome{{Key: d.Key}}); err != nil {
			return err
		}
		if settled = append(settled, l); len(settled) < 20 {
			return nil
		}
		if err := session.Flush(context.Background()); err != nil {
			return err
		}
		for _, l := range settled {
			notes.write("safe %d %d", l.sender, l.number)
		}
		settled = settled[:0]
		return nil
	})
}

func sendForever(s *Store, notes notebook, sender, n int) {
	for ; ; n++ {
		body := fmt.Sprint(sender, n)
		m := mailbox.Mail{Address: fmt.Sprintf("/to/%d", sender%2), ID: body, Body: []byte(body)}
		if err := s.Put(context.Background(), m); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		notes.write("put %d %d", sender, n)
	}
}

// A sum is the state of a collector.
type sum struct{ Count, Total, Last int }

// collect adds up the numbers that come to /sum and sends each sum to /sums: state,
// outcome and outgoing mail in one step.
func collect(dir string, _ []string) error {
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	notes, err := openNotebook(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	session, err := s.Serve(ctx, mailbox.Serving{Accept: func(a string) bool { return a == "/sum" }})
	if err != nil {
		return err
	}
	b, err := session.Next(ctx)
	if err != nil {
		return err
	}
	into := make([]mailbox.Delivery, 8)
	woken := make(chan struct{}, 1)
	fmt.Println("works")
	for {
		n, err := b.Fetch(into, func() { woken <- struct{}{} })
		if err != nil {
			return err
		}
		if n == 0 {
			<-woken
		}
		for i := range into[:n] {
			if err := collectOne(ctx, b.(mailbox.Ledger), &into[i]); err != nil {
				return err
			}
			notes.write("done %s", into[i].Body)
		}
	}
}

func collectOne(ctx context.Context, l mailbox.Ledger, d *mailbox.Delivery) error {
	var have sum
	state, err := l.State(ctx)
	if err != nil {
		return err
	}
	if state != nil {
		if err := json.Unmarshal(state, &have); err != nil {
			return err
		}
	}
	n, err := strconv.Atoi(string(d.Body))
	if err != nil {
		return err
	}
	have.Count, have.Total, have.Last = have.Count+1, have.Total+n, n
	if state, err = json.Marshal(have); err != nil {
		return err
	}
	return l.Commit(ctx, mailbox.Commit{
		Outcomes: []mailbox.Outcome{{Key: d.Key}},
		Mail:     []mailbox.Mail{{Address: "/sums", Body: state}},
		State:    state, SetState: true,
	})
}

// hang handles the mail of /a and hangs when it has handled one, and not settled it. The
// first argument says which.
func hang(dir string, args []string) error {
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	notes, err := openNotebook(dir)
	if err != nil {
		return err
	}
	return handleAll(s, func(session mailbox.Session, b mailbox.Box, d *mailbox.Delivery) error {
		notes.write("handled %s %d", d.Body, d.Count)
		if string(d.Body) == args[0] {
			if err := session.Flush(context.Background()); err != nil {
				return err
			}
			fmt.Println("hangs")
			select {}
		}
		return b.Settle([]mailbox.Outcome{{Key: d.Key}})
	})
}

// die puts mail, some from several goroutines, and kills itself in the middle of the
// transaction that has it ("before"), or when that was committed and nobody has been
// told ("after").
func die(dir string, args []string) error {
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	kill := func() {
		self, _ := os.FindProcess(os.Getpid())
		self.Kill()
		select {}
	}
	notes, err := openNotebook(dir)
	if err != nil {
		return err
	}
	var senders sync.WaitGroup
	for i := range 5 {
		senders.Go(func() {
			if err := s.Put(context.Background(), mailbox.Mail{Address: "/a", ID: fmt.Sprint(i), Body: []byte("x")}); err == nil {
				notes.write("put")
			}
		})
	}
	senders.Wait()
	return s.commit.do(context.Background(), 0, func(t *txn) error {
		letters, err := s.compose([]mailbox.Mail{{Address: "/a", ID: "last", Body: []byte("last")}})
		if err != nil {
			return err
		}
		if err := t.putAll(letters); err != nil {
			return err
		}
		if args[0] == "before" {
			kill()
		}
		t.OnCommit(kill)
		return nil
	})
}
