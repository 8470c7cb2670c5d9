package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

// member is one of a crowd: a handler that ends with what it is sent.
var member = troupe.Handling(func() troupe.Handler[error] {
	return troupe.HandlerFunc[error](func(_ *troupe.Self[error], m troupe.Message[error]) error { return m.Body })
})

func tell(t *testing.T, self *root, pid troupe.PID, reason error) {
	t.Helper()
	to, err := troupe.RefOf[error](pid)
	must(t, err)
	must(t, to.Send(self, reason))
	synctest.Wait()
}

func count(t *testing.T, self *root, sup ref) supervisor.Tally {
	t.Helper()
	c, err := supervisor.Count(self, sup)
	must(t, err)
	return c
}

func TestG42_DynamicChildrenComeAndGo(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		sup := boot(self, spec{Intensity: 9})
		var pids []troupe.PID
		for _, p := range []supervisor.Policy{supervisor.Permanent, supervisor.Transient, supervisor.Temporary} {
			pid, err := supervisor.Add(self, sup, child{Body: member, Restart: p})
			must(t, err)
			pids = append(pids, pid)
		}
		for _, pid := range pids {
			tell(t, self, pid, errBoom)
		}
		if c := count(t, self, sup); c != (supervisor.Tally{Children: 2, Running: 2}) {
			t.Errorf("after a failure each: %+v", c)
		}
		list, err := supervisor.List(self, sup)
		must(t, err)
		for _, i := range list {
			if i.Restarts != 1 || i.Reason != errBoom {
				t.Errorf("%+v", i)
			}
			tell(t, self, i.PID, troupe.Stop)
		}
		if c := count(t, self, sup); c != (supervisor.Tally{Children: 1, Running: 1}) {
			t.Errorf("after a normal end each: %+v", c)
		}
		if err := supervisor.Remove(self, sup, pids[0]); !errors.Is(err, supervisor.ErrNoChild) {
			t.Error("an old PID is good no more, but:", err)
		}
	})
}

func TestG42_DynamicChildrenObeyPeople(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		sup := boot(self, spec{})
		pid, err := supervisor.Add(self, sup, child{Body: member, Restart: supervisor.Temporary})
		must(t, err)
		must(t, supervisor.Stop(self, sup, pid))
		if i, err := supervisor.Find(self, sup, pid); err != nil || i.State != supervisor.Stopped {
			t.Error(i, err)
		}
		again, err := supervisor.Start(self, sup, pid)
		if err != nil || again == pid {
			t.Error(again, err)
		}
		must(t, supervisor.Remove(self, sup, again))
		if c := count(t, self, sup); c != (supervisor.Tally{}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestG42_ACrowdStopsAllAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		var ev events
		sup := boot(self, spec{Report: ev.add, Children: []child{d.slow("a", time.Second)}})
		for range 1000 {
			must(t, second(supervisor.Add(self, sup, d.slow("", 3*time.Second))))
		}
		stubborn := trapping("", 4*time.Second)
		for range 10 {
			must(t, second(supervisor.Add(self, sup, stubborn)))
			must(t, second(supervisor.Add(self, sup, trapping("", supervisor.Brutal))))
		}
		synctest.Wait() // all have begun, and trap exits
		began := time.Now()
		shut(t, self, sup)
		if took := time.Since(began); took != 5*time.Second {
			t.Error("took", took)
		}
		if n := len(ev.of(supervisor.ChildOverdue)); n != 10 {
			t.Error("overdue:", n)
		}
		noChildren(t, self)
	})
}

func TestG42_AGreatCrowd(t *testing.T) {
	inNode(t, func(t *testing.T, self *root) {
		sup := launch(self, spec{})
		ctx := self.Node().Context(context.Background())
		began := time.Now()
		for range many {
			must(t, second(supervisor.Add(ctx, sup, child{Body: member, Restart: supervisor.Transient})))
		}
		list, err := supervisor.List(self, sup)
		must(t, err)
		for _, i := range list[:many/2] {
			must(t, supervisor.Remove(ctx, sup, i.PID))
		}
		for _, i := range list[many/2 : many/2+1000] {
			to, _ := troupe.RefOf[error](i.PID)
			must(t, to.Send(self, troupe.Stop))
		}
		for count(t, self, sup).Children > many/2-1000 {
			time.Sleep(0)
		}
		shut(t, self, sup)
		t.Log(many, "children in", time.Since(began))
		if kids := self.Children(); len(kids) != 0 {
			t.Error(len(kids), "are left")
		}
	})
}
