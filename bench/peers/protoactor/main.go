// Command protoactor does the works of the benchmarks with Proto.Actor.
package main

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/troupe-go/troupe/bench/internal/work"
)

func main() {
	work.Main(work.Peer{
		Name:   "protoactor",
		Module: "github.com/asynkron/protoactor-go",
		SetUp: "default dispatcher and unbounded mailbox, messages as pointers, plain Send, which carries no " +
			"sender; the lock-free mailbox, which its source calls cheaper to allocate, for the works with many processes",
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

func newSystem() *actor.RootContext {
	quiet := func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	return actor.NewActorSystem(actor.WithLoggerFactory(quiet)).Root
}

// smallMailbox is for works with many processes.
func smallMailbox() actor.PropsOption { return actor.WithMailbox(actor.UnboundedLockfree()) }

func flow(senders, receivers int) work.Func {
	return func(m *work.Meter, n int) error {
		root := newSystem()
		each, tallies := work.NewTallies(n, senders, receivers)
		sinks := make([]*actor.PID, receivers)
		for i, t := range tallies {
			sinks[i] = root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
				if v, ok := c.Message().(*work.Number); ok {
					t.Add(v.N)
				}
			}))
		}
		sources := make([]*actor.PID, senders)
		for s := range sources {
			to := sinks[s%receivers]
			sources[s] = root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
				if _, ok := c.Message().(*work.Start); ok {
					for i := range each {
						c.Send(to, &work.Number{N: i})
					}
				}
			}))
		}
		m.Begin()
		for _, s := range sources {
			root.Send(s, &work.Start{})
		}
		err := work.Await(tallies)
		m.End()
		return err
	}
}

func pingPong(deepStack bool) work.Func {
	return func(m *work.Meter, n int) error {
		root := newSystem()
		r := work.NewRally(n, deepStack)
		var ping, pong *actor.PID
		pong = root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if v, ok := c.Message().(*work.Number); ok {
				r.Hit()
				c.Send(ping, &work.Number{N: v.N})
			}
		}))
		ping = root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if v, ok := c.Message().(*work.Number); ok && r.Returned(v.N) {
				c.Send(pong, &work.Number{N: v.N + 1})
			}
		}))
		m.Begin()
		root.Send(pong, &work.Number{N: 0})
		err := <-r.Done
		m.End()
		return err
	}
}

func ask(m *work.Meter, n int) error {
	root := newSystem()
	server := root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if v, ok := c.Message().(*work.Number); ok {
			c.Respond(&work.Number{N: v.N + 1})
		}
	}))
	m.Begin()
	for i := range n {
		answer, err := root.RequestFuture(server, &work.Number{N: i}, 10*time.Second).Result()
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
	root := newSystem()
	pids := make([]*actor.PID, n)
	var ended sync.WaitGroup
	ended.Add(n)
	props := actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Stopped); ok {
			ended.Done()
		}
	}, smallMailbox())
	m.Begin()
	for i := range pids {
		pids[i] = root.Spawn(props)
	}
	for _, pid := range pids {
		root.Stop(pid)
	}
	ended.Wait()
	m.End()
	return nil
}

func ring(m *work.Meter, n int) error {
	root := newSystem()
	pids := make([]*actor.PID, work.RingSize)
	done := make(chan error, 1)
	for i := range pids {
		next := (i + 1) % work.RingSize
		pids[i] = root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			token, ok := c.Message().(*work.Number)
			switch {
			case !ok:
			case token.N == 0:
				done <- work.CheckRing(i, n)
			default:
				c.Send(pids[next], &work.Number{N: token.N - 1})
			}
		}, smallMailbox()))
	}
	m.Begin()
	root.Send(pids[0], &work.Number{N: n})
	err := <-done
	m.End()
	return err
}

func idle(m *work.Meter, n int) error {
	root := newSystem()
	pids := make([]*actor.PID, n)
	var started, touched sync.WaitGroup
	props := actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			started.Done()
		case *work.Number:
			touched.Done()
		}
	}, smallMailbox())
	spawn := func() error {
		started.Add(n)
		for i := range pids {
			pids[i] = root.Spawn(props)
		}
		started.Wait()
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, pid := range pids {
			root.Send(pid, &work.Number{N: i})
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, spawn, touch)
}
