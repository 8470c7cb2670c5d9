package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

type (
	root  = troupe.Self[troupe.None]
	child = supervisor.Child
	spec  = supervisor.Spec
	ref   = troupe.Ref[supervisor.Request]
)

var errBoom = errors.New("boom")

// bubble runs f as the root of a node, in virtual time.
func bubble(t *testing.T, f func(t *testing.T, self *root)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { inNode(t, f) })
}

// inNode runs f as the root of a node.
func inNode(t testing.TB, f func(t *testing.T, self *root)) {
	t.Helper()
	tt, _ := t.(*testing.T)
	err := troupe.Run(context.Background(), func(self *root) error {
		f(tt, self)
		return nil
	}, troupe.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil && !errors.Is(err, troupe.ErrGoexit) { // t.Fatal in f
		t.Error("the node ended with", err)
	}
}

// boot starts a supervisor that keeps quiet and waits until it is idle.
func boot(self *root, s spec) ref {
	r := launch(self, s)
	synctest.Wait()
	return r
}

func launch(self *root, s spec) ref {
	if s.Report == nil {
		s.Report = func(supervisor.Event) {}
	}
	return troupe.Spawn(self, s.Run, troupe.Name("sup"))
}

// A diary is what children say about themselves.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// take returns what was written since the last time, in one line.
func (d *diary) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := strings.Join(d.lines, " ")
	d.lines = nil
	return s
}

func (d *diary) expect(t *testing.T, want string) {
	t.Helper()
	if got := d.take(); got != want {
		t.Errorf("diary:\n got %q\nwant %q", got, want)
	}
}

// actor returns a child that writes +name and -name, and ends with whatever
// error it is sent.
func (d *diary) actor(name string) child {
	return child{Name: name, Body: troupe.Function(func(self *troupe.Self[error]) error {
		d.write("+%s", name)
		defer d.write("-%s", name)
		self.Ready()
		for m := range self.Messages() {
			return m.Body
		}
		return nil
	}).AwaitReady()}
}

// slow is an actor that takes d to stop.
func (d *diary) slow(name string, takes time.Duration) child {
	return child{Name: name, Body: troupe.Function(func(self *troupe.Self[error]) error {
		d.write("+%s", name)
		defer d.write("-%s", name)
		self.Ready()
		for m := range self.Messages() {
			return m.Body
		}
		time.Sleep(takes)
		return nil
	}).AwaitReady()}
}

// late is an actor that takes d to be up.
func (d *diary) late(name string, takes time.Duration) child {
	return child{Name: name, Body: troupe.Function(func(self *troupe.Self[error]) error {
		d.write("%s…", name)
		defer d.write("-%s", name)
		if m := self.Receive(troupe.After(takes)); m.Event != troupe.Timeout {
			return m.Body
		}
		d.write("+%s", name)
		self.Ready()
		for m := range self.Messages() {
			return m.Body
		}
		return nil
	}).AwaitReady()}
}

// failing returns a child that never starts.
func (d *diary) failing(name string, why error) child {
	return child{Name: name, Body: troupe.Function(func(self *troupe.Self[error]) error {
		d.write("!%s", name)
		return why
	}).AwaitReady()}
}

func with(c child, change func(*child)) child {
	change(&c)
	return c
}

// crash ends the child with the reason; errNil ends it normally.
func crash(t *testing.T, self *root, name string, reason error) {
	t.Helper()
	if err := troupe.Named[error]("sup/"+name).Send(self, reason); err != nil {
		t.Fatalf("crash %s: %v", name, err)
	}
	synctest.Wait()
}

func state(t *testing.T, self *root, sup ref, name string) supervisor.State {
	t.Helper()
	return info(t, self, sup, name).State
}

func info(t *testing.T, self *root, sup ref, name string) supervisor.Info {
	t.Helper()
	i, err := supervisor.Find(self, sup, name)
	if err != nil {
		t.Fatalf("find %s: %v", name, err)
	}
	return i
}

// states returns the states of all children in one line.
func allStates(t *testing.T, self *root, sup ref) string {
	t.Helper()
	list, err := supervisor.List(self, sup)
	if err != nil {
		t.Fatal("list:", err)
	}
	var s []string
	for _, i := range list {
		s = append(s, i.Name+":"+i.State.String())
	}
	return strings.Join(s, ", ")
}

// shut tells the supervisor to end and waits until it has.
func shut(t *testing.T, self *root, sup ref) {
	t.Helper()
	if err := sup.PID().Shutdown(self, -1); err != troupe.ErrShutdown {
		t.Error("the supervisor ended with", err)
	}
}

// events collects what a supervisor reports.
type events struct {
	mu  sync.Mutex
	all []supervisor.Event
}

func (e *events) add(v supervisor.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, v)
}

func (e *events) of(kind supervisor.EventKind) []supervisor.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.all), func(v supervisor.Event) bool { return v.Kind != kind })
}

// alive counts the processes under the supervisor's node beside the root.
func noChildren(t *testing.T, self *root) {
	t.Helper()
	synctest.Wait()
	if kids := self.Children(); len(kids) != 0 {
		t.Error("processes are left:", kids)
	}
}
