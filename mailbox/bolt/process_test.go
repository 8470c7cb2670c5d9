package bolt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervisor"
)

// process is a program with a process whose mail lies in a file. It says what the
// process handles.
func process(dir string, _ []string) error {
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return err
	}
	defer s.Close()
	numbers := &mailbox.Place[int]{Store: s, Address: "/numbers", Deliveries: -1}
	body := troupe.Handling(func() troupe.Handler[int] {
		return troupe.HandlerFunc[int](func(_ *troupe.Self[int], m troupe.Message[int]) error {
			if rand.IntN(50) == 0 {
				panic("a crash before it is handled")
			}
			fmt.Println(m.Body, m.Redelivered)
			if rand.IntN(50) == 0 {
				panic("a crash after it was handled")
			}
			return nil
		})
	})
	app := supervisor.Spec{
		Intensity: 1 << 20, Period: time.Second, Report: func(supervisor.Event) {},
		Children: []supervisor.Child{{Name: "numbers", Body: body.With(troupe.Mailbox(numbers))}},
	}
	return troupe.Run(context.Background(), app.Run)
}

// TestG70_ProcessKilledWithItsProgram: a process whose mailbox lies in a file handles all
// of its mail in order, though it crashes and its program is killed; what it may have
// handled before is marked.
func TestG70_ProcessKilledWithItsProgram(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		t.Fatal(err)
	}
	last := rounds(1000)
	numbers := &mailbox.Place[int]{Store: s, Address: "/numbers"}
	mail := make([]mailbox.Mail, last)
	for i := range mail {
		mail[i], _ = numbers.Mail(i + 1)
	}
	if err := s.Put(t.Context(), mail...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	handled, kills, again := 0, 0, 0
	for ; handled < last; kills++ {
		cmd := start(t, "process", dir)
		for n := rand.IntN(last / 5); n >= 0 && handled < last && cmd.lines.Scan(); n-- {
			line := cmd.lines.Text()
			var number int
			var marked bool
			if _, err := fmt.Sscan(line, &number, &marked); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			switch {
			case number == handled+1:
				handled++
			case number > handled || !marked:
				t.Fatalf("after %d came %q", handled, line)
			default:
				again++
			}
		}
		kill(t, cmd)
		for cmd.lines.Scan() { // what it said before it died
			if fields := strings.Fields(cmd.lines.Text()); len(fields) == 2 && fields[0] == fmt.Sprint(handled+1) {
				handled++
			}
		}
	}
	t.Logf("%d numbers, %d kills, %d came again", last, kills, again)
}
