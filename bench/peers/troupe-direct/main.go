// Command troupe-direct does the works of the benchmarks with Troupe's
// functions, which are processes with a goroutine of their own.
package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/bench/internal/work"
)

func main() {
	work.Main(work.Peer{
		Name:  "troupe-direct",
		Ours:  true,
		SetUp: "Spawn without options; the unbounded mailbox; every message carries its sender",
		Works: work.Standard{
			Flow:       flow,
			PingPong:   pingPong,
			Ask:        ask(0),
			AskTimeout: ask(10 * time.Second),
			SpawnStop:  inNode(spawnStop),
			Ring:       inNode(ring),
			Idle:       inNode(idle),
		}.Table(),
	})
}

type (
	self     = *troupe.Self[work.Number]
	question = troupe.Call[int, int]
)

// inNode lets a work run as the root process of a node.
func inNode(f func(root self, m *work.Meter, n int) error) work.Func {
	return func(m *work.Meter, n int) error {
		body := func(root self) error { return f(root, m, n) }
		quiet := troupe.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
		return troupe.Run(context.Background(), body, quiet)
	}
}

func flow(senders, receivers int) work.Func {
	return inNode(func(root self, m *work.Meter, n int) error {
		each, tallies := work.NewTallies(n, senders, receivers)
		sinks := make([]troupe.Ref[work.Number], receivers)
		for i, t := range tallies {
			sinks[i] = troupe.Spawn(root, func(self self) error {
				for v := range self.Messages() {
					t.Add(v.Body.N)
				}
				return nil
			})
		}
		sources := make([]troupe.Ref[work.Start], senders)
		for s := range sources {
			sources[s] = troupe.Spawn(root, source(sinks[s%receivers], each))
		}
		m.Begin()
		for _, s := range sources {
			if err := s.Send(root, work.Start{}); err != nil {
				return err
			}
		}
		err := work.Await(tallies)
		m.End()
		return err
	})
}

func source(to troupe.Ref[work.Number], each int) func(*troupe.Self[work.Start]) error {
	return func(self *troupe.Self[work.Start]) error {
		self.Receive()
		for i := range each {
			if err := to.Send(self, work.Number{N: i}); err != nil {
				return err
			}
		}
		return nil
	}
}

func pingPong(deepStack bool) work.Func {
	return inNode(func(root self, m *work.Meter, n int) error {
		r := work.NewRally(n, deepStack)
		var ping, pong troupe.Ref[work.Number]
		pong = troupe.Spawn(root, func(self self) error {
			for v := range self.Messages() {
				r.Hit()
				if err := ping.Send(self, v.Body); err != nil {
					return err
				}
			}
			return nil
		})
		ping = troupe.Spawn(root, func(self self) error {
			for v := range self.Messages() {
				if !r.Returned(v.Body.N) {
					return nil
				}
				if err := pong.Send(self, work.Number{N: v.Body.N + 1}); err != nil {
					return err
				}
			}
			return nil
		})
		m.Begin()
		if err := pong.Send(root, work.Number{}); err != nil {
			return err
		}
		err := <-r.Done
		m.End()
		return err
	})
}

// ask asks with a time-out for each question, or with none at all for 0.
func ask(timeout time.Duration) work.Func {
	return inNode(func(root self, m *work.Meter, n int) error {
		server := troupe.Spawn(root, func(self *troupe.Self[question]) error {
			for v := range self.Messages() {
				if err := v.Body.Reply(self, v.Body.Request+1); err != nil {
					return err
				}
			}
			return nil
		})
		m.Begin()
		for i := range n {
			if err := askOne(root, server, i, timeout); err != nil {
				return err
			}
		}
		m.End()
		return nil
	})
}

func askOne(root self, server troupe.Ref[question], i int, timeout time.Duration) error {
	var limit []troupe.WaitOption
	if timeout > 0 {
		limit = []troupe.WaitOption{troupe.After(timeout)}
	}
	answer, err := troupe.Ask(root, server, i, limit...)
	if err != nil {
		return err
	}
	return work.CheckAnswer(i, answer)
}

func spawnStop(root self, m *work.Meter, n int) error {
	pids := make([]troupe.PID, n)
	body := func(self self) error {
		for range self.Messages() {
		}
		return nil
	}
	m.Begin()
	for i := range pids {
		pids[i] = troupe.Spawn(root, body).PID()
	}
	for _, pid := range pids {
		if err := pid.Exit(root, troupe.ErrShutdown); err != nil {
			return err
		}
	}
	for _, pid := range pids {
		pid.Wait(root) // its error is the reason we gave
	}
	m.End()
	return nil
}

func ring(root self, m *work.Meter, n int) error {
	refs := make([]troupe.Ref[work.Number], work.RingSize)
	done := make(chan error, 1)
	for i := range refs {
		next := (i + 1) % work.RingSize
		refs[i] = troupe.Spawn(root, func(self self) error {
			for token := range self.Messages() {
				if token.Body.N == 0 {
					done <- work.CheckRing(i, n)
					return nil
				}
				if err := refs[next].Send(self, work.Number{N: token.Body.N - 1}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	m.Begin()
	if err := refs[0].Send(root, work.Number{N: n}); err != nil {
		return err
	}
	err := <-done
	m.End()
	return err
}

func idle(root self, m *work.Meter, n int) error {
	refs := make([]troupe.Ref[work.Number], n)
	var started, touched sync.WaitGroup
	body := func(self self) error {
		started.Done()
		for range self.Messages() {
			touched.Done()
		}
		return nil
	}
	start := func() error {
		started.Add(n)
		for i := range refs {
			refs[i] = troupe.Spawn(root, body)
		}
		started.Wait()
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, ref := range refs {
			if err := ref.Send(root, work.Number{N: i}); err != nil {
				return err
			}
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, start, touch)
}
