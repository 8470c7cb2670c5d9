// Command hollywood does the works of the benchmarks with Hollywood.
package main

import (
	"sync"
	"time"

	"github.com/anthdm/hollywood/actor"
	"github.com/troupe-go/troupe/bench/internal/work"
)

func main() {
	work.Main(work.Peer{
		Name:   "hollywood",
		Module: "github.com/anthdm/hollywood",
		SetUp: "as in its own benchmark: default engine, no remote, messages as pointers; the default " +
			"inbox of 1,024, but of 16 for the works with many processes, where 1,024 would cost it memory",
		Works: work.Standard{
			Flow:      flow,
			PingPong:  pingPong,
			Ask:       ask,
			SpawnStop: spawnStop,
			Ring:      ring,
			Idle:      idle,
		}.Table(),
	})
}

// receiveFunc lets a closure be a Receiver, as the library's SpawnFunc does.
type receiveFunc func(c *actor.Context)

func (f receiveFunc) Receive(c *actor.Context) { f(c) }

type engine struct{ *actor.Engine }

func newEngine() (engine, error) {
	e, err := actor.NewEngine(actor.NewEngineConfig())
	return engine{e}, err
}

func (h engine) start(f receiveFunc, opts ...actor.OptFunc) *actor.PID {
	return h.Spawn(func() actor.Receiver { return f }, "bench", opts...)
}

// smallInbox is for works with so many processes that their inboxes, empty
// all the time, would be most of what is measured.
func smallInbox() actor.OptFunc { return actor.WithInboxSize(16) }

func flow(senders, receivers int) work.Func {
	return func(m *work.Meter, n int) error {
		h, err := newEngine()
		if err != nil {
			return err
		}
		each, tallies := work.NewTallies(n, senders, receivers)
		sinks := make([]*actor.PID, receivers)
		for i, t := range tallies {
			sinks[i] = h.start(func(c *actor.Context) {
				if v, ok := c.Message().(*work.Number); ok {
					t.Add(v.N)
				}
			})
		}
		sources := make([]*actor.PID, senders)
		for s := range sources {
			to := sinks[s%receivers]
			sources[s] = h.start(func(c *actor.Context) {
				if _, ok := c.Message().(*work.Start); ok {
					for i := range each {
						c.Send(to, &work.Number{N: i})
					}
				}
			})
		}
		m.Begin()
		for _, s := range sources {
			h.Send(s, &work.Start{})
		}
		err = work.Await(tallies)
		m.End()
		return err
	}
}

func pingPong(deepStack bool) work.Func {
	return func(m *work.Meter, n int) error {
		h, err := newEngine()
		if err != nil {
			return err
		}
		r := work.NewRally(n, deepStack)
		var ping, pong *actor.PID
		pong = h.start(func(c *actor.Context) {
			if v, ok := c.Message().(*work.Number); ok {
				r.Hit()
				c.Send(ping, &work.Number{N: v.N})
			}
		})
		ping = h.start(func(c *actor.Context) {
			if v, ok := c.Message().(*work.Number); ok && r.Returned(v.N) {
				c.Send(pong, &work.Number{N: v.N + 1})
			}
		})
		m.Begin()
		h.Send(pong, &work.Number{N: 0})
		err = <-r.Done
		m.End()
		return err
	}
}

func ask(m *work.Meter, n int) error {
	h, err := newEngine()
	if err != nil {
		return err
	}
	server := h.start(func(c *actor.Context) {
		if v, ok := c.Message().(*work.Number); ok {
			c.Respond(&work.Number{N: v.N + 1})
		}
	})
	m.Begin()
	for i := range n {
		answer, err := h.Request(server, &work.Number{N: i}, 10*time.Second).Result()
		if err != nil {
			return err
		}
		if err := work.CheckAnswer(i, answer.(*work.Number).N); err != nil {
			return err
		}
	}
	m.End()
	return nil
}

func spawnStop(m *work.Meter, n int) error {
	h, err := newEngine()
	if err != nil {
		return err
	}
	pids := make([]*actor.PID, n)
	var ended sync.WaitGroup
	ended.Add(n)
	receive := func(c *actor.Context) {
		if _, ok := c.Message().(actor.Stopped); ok {
			ended.Done()
		}
	}
	m.Begin()
	for i := range pids {
		pids[i] = h.start(receive, smallInbox())
	}
	for _, pid := range pids {
		h.Stop(pid)
	}
	ended.Wait()
	m.End()
	return nil
}

func ring(m *work.Meter, n int) error {
	h, err := newEngine()
	if err != nil {
		return err
	}
	pids := make([]*actor.PID, work.RingSize)
	done := make(chan error, 1)
	for i := range pids {
		next := (i + 1) % work.RingSize
		pids[i] = h.start(func(c *actor.Context) {
			token, ok := c.Message().(*work.Number)
			switch {
			case !ok:
			case token.N == 0:
				done <- work.CheckRing(i, n)
			default:
				c.Send(pids[next], &work.Number{N: token.N - 1})
			}
		}, smallInbox())
	}
	m.Begin()
	h.Send(pids[0], &work.Number{N: n})
	err = <-done
	m.End()
	return err
}

func idle(m *work.Meter, n int) error {
	h, err := newEngine()
	if err != nil {
		return err
	}
	pids := make([]*actor.PID, n)
	var touched sync.WaitGroup
	receive := func(c *actor.Context) {
		if _, ok := c.Message().(*work.Number); ok {
			touched.Done()
		}
	}
	spawn := func() error {
		for i := range pids {
			pids[i] = h.start(receive, smallInbox())
		}
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, pid := range pids {
			h.Send(pid, &work.Number{N: i})
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, spawn, touch)
}
