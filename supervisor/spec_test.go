package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/supervisor"
)

func TestG44_AGateRefuses(t *testing.T) {
	for _, strategy := range strategies {
		bubble(t, func(t *testing.T, self *root) {
			var d diary
			closed := errors.New("closed for today")
			x := d.actor("x")
			x.Gate = func() error { return closed }
			sup := boot(self, spec{Strategy: strategy, Children: []child{d.actor("a"), x, d.actor("b")}})
			d.expect(t, "+a +b")
			i := info(t, self, sup, "x")
			if i.State != supervisor.Refused || i.Reason != closed {
				t.Errorf("%+v", i)
			}
			_, err := supervisor.Start(self, sup, "x")
			if !errors.Is(err, supervisor.ErrRefused) || !errors.Is(err, closed) {
				t.Error(err)
			}
			_, err = supervisor.Add(self, sup, child{Name: "y", Body: x.Body, Gate: x.Gate})
			if !errors.Is(err, supervisor.ErrRefused) {
				t.Error(err)
			}
			closed = nil
			must(t, second(supervisor.Start(self, sup, "x")))
			closed = errors.New("closed again")
			crash(t, self, "x", errBoom) // a restart asks too
			if got := state(t, self, sup, "x"); got != supervisor.Refused {
				t.Error(got)
			}
			if _, err := troupe.Ask(self, troupe.Named[troupe.Call[int, int]]("sup/x"), 1); err != troupe.ErrNoProc {
				t.Error("who asks for a refused child:", err)
			}
			list, _ := supervisor.List(self, sup)
			if len(list) != 3 {
				t.Error(list)
			}
		})
	}
}

func TestG44_AGateThatPanicsIsAFailedStart(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		sup := launch(self, spec{Children: []child{d.actor("a"), with(d.actor("x"), func(c *child) {
			c.Gate = func() error { panic("gate") }
		})}})
		var p *troupe.PanicError
		if err := sup.PID().Wait(self); !errors.As(err, &p) {
			t.Error(err)
		}
		d.expect(t, "+a -a")
	})
}

func TestG45_ChildrenOfAllKinds(t *testing.T) {
	bubble(t, func(t *testing.T, self *root) {
		var d diary
		handler := troupe.HandlerFunc[error](func(_ *troupe.Self[error], m troupe.Message[error]) error { return m.Body })
		sup := boot(self, spec{Intensity: 9, Children: []child{
			d.actor("function"),
			{Name: "handler", Body: troupe.Handling(func() troupe.Handler[error] { return handler })},
			{Name: "service", Body: troupe.Service(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })},
			{Name: "supervisor", Body: spec{Children: []child{d.actor("inner")}}.Body()},
		}})
		list, err := supervisor.List(self, sup)
		must(t, err)
		for _, i := range list {
			must(t, i.PID.Kill(self))
			synctest.Wait()
			if now := info(t, self, sup, i.Name); now.State != supervisor.Running || now.PID == i.PID || now.Reason != troupe.ErrKilled {
				t.Errorf("%+v", now)
			}
		}
		d.take()
		shut(t, self, sup)
		d.expect(t, "-inner -function")
		noChildren(t, self)
	})
}

func TestSpecCheck(t *testing.T) {
	body := troupe.Service(func(context.Context) error { return nil })
	for _, c := range []struct {
		spec spec
		want string
	}{
		{spec{}, ""},
		{spec{Children: []child{{Body: body}, {Body: body}}}, ""},
		{spec{Children: []child{{Name: "x"}}}, `child "x" has no Body`},
		{spec{Children: []child{{}}}, `child without a name has no Body`},
		{spec{Children: []child{{Name: "a/b", Body: body}}}, `/ or @`},
		{spec{Children: []child{{Name: "a@b", Body: body}}}, `/ or @`},
		{spec{Children: []child{{Name: "x", Body: body}, {Name: "x", Body: body}}}, `two children with one name`},
		{spec{Children: []child{{Name: "x", Body: body, Restart: 7}}}, "policy unknown (7)"},
		{spec{Strategy: 9}, "strategy unknown (9)"},
		{spec{AutoShutdown: 9}, "auto shutdown unknown (9)"},
		{spec{Period: -1}, "period -1ns"},
		{spec{Children: []child{{Name: "x", Body: body, Restart: supervisor.Transient, Significant: true}}}, "set AutoShutdown"},
		{spec{AutoShutdown: supervisor.AnySignificant, Children: []child{{Name: "x", Body: body, Significant: true}}}, "significant and permanent"},
	} {
		err := c.spec.Check()
		if c.want == "" {
			must(t, err)
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "supervisor: ") {
			t.Errorf("%v, want %q", err, c.want)
		}
		bubble(t, func(t *testing.T, self *root) {
			if got := launch(self, c.spec).PID().Wait(self); fmt.Sprint(got) != err.Error() {
				t.Error(got)
			}
		})
	}
}
