//go:build unix

package isolate_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc"
	"github.com/troupe-go/troupe/osproc/isolate"
)

var (
	noMessages  = isolate.Register("no messages", func(*troupe.Self[chan int], int) error { return nil })
	noArgument  = isolate.Register("no argument", func(*troupe.Self[int], func()) error { return nil })
	anyArgument = isolate.Register("any argument", func(self *troupe.Self[any], _ any) error {
		for m := range self.Messages() {
			if err := m.Reply(self, m.Body); err != nil {
				return err
			}
		}
		return nil
	})
	environment = isolate.Register("environment", func(_ *troupe.Self[int], to troupe.Ref[string]) error {
		return to.Send(context.Background(), os.Getenv("ISOLATE_TEST_X"))
	})
)

func TestWhatCannotStartSaysWhy(t *testing.T) {
	stage(t, func(self *troupe.Self[int]) {
		want := func(pid troupe.PID, text string) {
			t.Helper()
			if err := reason(t, self, pid); err == nil || !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), "isolate: ") {
				t.Errorf("ended with %v, want %q", err, text)
			}
		}
		want(isolate.Spawn(self, noMessages, 1).PID(), "a chan cannot be sent")
		want(isolate.Spawn(self, noArgument, func() {}).PID(), "a func cannot be sent")
		type unknown struct{}
		want(isolate.Spawn(self, anyArgument, any(unknown{})).PID(), "not registered")
		want(isolate.Spawn(self, isolate.KindOf[int, int]("nobody"), 1).PID(), `nothing is registered as "nobody"`)
		want(isolate.Spawn(self, isolate.KindOf[int, int]("echo"), 1).PID(), "has other types")
		want(isolate.Spawn(self, echo.With(osproc.Config{Dir: "/no/such/directory"}), "").PID(), "could not be started")
	})
}

func TestMessagesThatCannotTravel(t *testing.T) {
	stage(t, func(self *troupe.Self[any]) {
		ref := isolate.Spawn(self, anyArgument, any(nil))
		if err := ref.Send(self, map[string]any{"list": []any{1, "two", ref.PID()}}); err != nil {
			t.Fatal(err)
		}
		if m := next(t, self); m.Body.(map[string]any)["list"].([]any)[2] != ref.PID() {
			t.Errorf("got %v", m)
		}
		_, err := troupe.RefOf[int](ref.PID())
		wantErr(t, err, troupe.ErrWrongType)
	})
}

func TestWrongTypeOfAStandIn(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := newCast(t, self, 1)
		inner := c.meet(c.agents[0], "spawn local")
		_, err := troupe.RefOf[int](inner.PID())
		wantErr(t, err, troupe.ErrWrongType)
		if again, err := troupe.RefOf[order](inner.PID()); again != inner || err != nil {
			t.Errorf("got %v, %v", again, err)
		}
	})
}

func TestConfiguration(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		isolate.Spawn(self, environment.With(osproc.Config{Env: append(os.Environ(), "ISOLATE_TEST_X=set")}), self.Ref())
		if m := next(t, self); m.Body != "set" {
			t.Errorf("got %v", m)
		}
	})
}

func TestGraphHasAFrameForEachOSProcess(t *testing.T) {
	stage(t, func(self *troupe.Self[string]) {
		c := &cast{t: t, self: self}
		ref := isolate.Spawn(self, agent, troupe.None{}, troupe.Name("away"))
		c.tell(ref, order{Do: "who"})
		pid := next(t, self).Body
		for _, draw := range []func(troupe.Graph, io.Writer) error{troupe.Graph.Mermaid, troupe.Graph.DOT} {
			var b strings.Builder
			if err := draw(self.Node().Graph(), &b); err != nil {
				t.Fatal(err)
			}
			here := strings.Index(b.String(), fmt.Sprint("OS process ", os.Getpid()))
			there := strings.Index(b.String(), "OS process "+pid)
			if here < 0 || there < 0 || there < here || strings.Index(b.String(), "/away") < there {
				t.Errorf("the picture:\n%s", b.String())
			}
		}
	})
}
