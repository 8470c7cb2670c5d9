// Command troupe-handler does the works of the benchmarks with Troupe's
// handlers, which hold no goroutine while they are idle.
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
		Name:  "troupe-handler",
		Ours:  true,
		SetUp: "SpawnHandler without options; the unbounded mailbox; every message carries its sender",
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
	root     = *troupe.Self[work.Number]
	number   = troupe.Message[work.Number]
	question = troupe.Call[int, int]
)

// inNode lets a work run as the root process of a node.
func inNode(f func(self root, m *work.Meter, n int) error) work.Func {
	return func(m *work.Meter, n int) error {
		body := func(self root) error { return f(self, m, n) }
		quiet := troupe.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
		return troupe.Run(context.Background(), body, quiet)
	}
}

// spawn starts a handler of numbers.
func spawn(ctx context.Context, handle func(root, number) error) troupe.Ref[work.Number] {
	return troupe.SpawnHandler(ctx, troupe.HandlerFunc[work.Number](handle))
}

func flow(senders, receivers int) work.Func {
	return inNode(func(self root, m *work.Meter, n int) error {
		each, tallies := work.NewTallies(n, senders, receivers)
		sinks := make([]troupe.Ref[work.Number], receivers)
		for i, t := range tallies {
			sinks[i] = spawn(self, func(_ root, v number) error {
				t.Add(v.Body.N)
				return nil
			})
		}
		sources := make([]troupe.Ref[work.Start], senders)
		for s := range sources {
			sources[s] = troupe.SpawnHandler(self, source(sinks[s%receivers], each))
		}
		m.Begin()
		for _, s := range sources {
			if err := s.Send(self, work.Start{}); err != nil {
				return err
			}
		}
		err := work.Await(tallies)
		m.End()
		return err
	})
}

func source(to troupe.Ref[work.Number], each int) troupe.HandlerFunc[work.Start] {
	return func(self *troupe.Self[work.Start], _ troupe.Message[work.Start]) error {
		for i := range each {
			if err := to.Send(self, work.Number{N: i}); err != nil {
				return err
			}
		}
		return nil
	}
}

func pingPong(deepStack bool) work.Func {
	return inNode(func(self root, m *work.Meter, n int) error {
		r := work.NewRally(n, deepStack)
		var ping, pong troupe.Ref[work.Number]
		pong = spawn(self, func(self root, v number) error {
			r.Hit()
			return ping.Send(self, v.Body)
		})
		ping = spawn(self, func(self root, v number) error {
			if !r.Returned(v.Body.N) {
				return nil
			}
			return pong.Send(self, work.Number{N: v.Body.N + 1})
		})
		m.Begin()
		if err := pong.Send(self, work.Number{}); err != nil {
			return err
		}
		err := <-r.Done
		m.End()
		return err
	})
}

// ask asks with a time-out for each question, or with none at all for 0.
func ask(timeout time.Duration) work.Func {
	return inNode(func(self root, m *work.Meter, n int) error {
		answer := func(self *troupe.Self[question], v troupe.Message[question]) error {
			return v.Body.Reply(self, v.Body.Request+1)
		}
		server := troupe.SpawnHandler(self, troupe.HandlerFunc[question](answer))
		m.Begin()
		for i := range n {
			if err := askOne(self, server, i, timeout); err != nil {
				return err
			}
		}
		m.End()
		return nil
	})
}

func askOne(self root, server troupe.Ref[question], i int, timeout time.Duration) error {
	var limit []troupe.WaitOption
	if timeout > 0 {
		limit = []troupe.WaitOption{troupe.After(timeout)}
	}
	answer, err := troupe.Ask(self, server, i, limit...)
	if err != nil {
		return err
	}
	return work.CheckAnswer(i, answer)
}

// mortal tells when it ends.
type mortal struct{ ended *sync.WaitGroup }

func (mortal) Handle(root, number) error   { return nil }
func (m mortal) Terminate(_ root, _ error) { m.ended.Done() }

func spawnStop(self root, m *work.Meter, n int) error {
	pids := make([]troupe.PID, n)
	var ended sync.WaitGroup
	ended.Add(n)
	m.Begin()
	for i := range pids {
		pids[i] = troupe.SpawnHandler(self, mortal{&ended}).PID()
	}
	for _, pid := range pids {
		if err := pid.Exit(self, troupe.ErrShutdown); err != nil {
			return err
		}
	}
	ended.Wait()
	m.End()
	return nil
}

func ring(self root, m *work.Meter, n int) error {
	refs := make([]troupe.Ref[work.Number], work.RingSize)
	done := make(chan error, 1)
	for i := range refs {
		next := (i + 1) % work.RingSize
		refs[i] = spawn(self, func(self root, token number) error {
			if token.Body.N == 0 {
				done <- work.CheckRing(i, n)
				return nil
			}
			return refs[next].Send(self, work.Number{N: token.Body.N - 1})
		})
	}
	m.Begin()
	if err := refs[0].Send(self, work.Number{N: n}); err != nil {
		return err
	}
	err := <-done
	m.End()
	return err
}

func idle(self root, m *work.Meter, n int) error {
	refs := make([]troupe.Ref[work.Number], n)
	var touched sync.WaitGroup
	handle := func(root, number) error {
		touched.Done()
		return nil
	}
	start := func() error {
		for i := range refs {
			refs[i] = spawn(self, handle)
		}
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, ref := range refs {
			if err := ref.Send(self, work.Number{N: i}); err != nil {
				return err
			}
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, start, touch)
}
