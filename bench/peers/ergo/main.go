// Command ergo does the works of the benchmarks with the Ergo Framework. It is
// a module of its own, so that the others build where this one cannot be had.
package main

import (
	"sync"

	"ergo.services/ergo"
	"ergo.services/ergo/act"
	"ergo.services/ergo/gen"
	"github.com/troupe-go/troupe/bench/internal/work"
)

func main() {
	work.Main(work.Peer{
		Name:   "ergo",
		Module: "ergo.services/ergo",
		SetUp:  "as in its own benchmarks: act.Actor, SendPID and CallPID, default process options, no network",
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

// handler is an actor whose messages go to a function.
type handler struct {
	act.Actor
	handle func(p *handler, message any)
}

func (h *handler) HandleMessage(_ gen.PID, message any) error {
	h.handle(h, message)
	return nil
}

func newNode() (gen.Node, error) {
	var options gen.NodeOptions
	options.Network.Mode = gen.NetworkModeDisabled
	options.Log.DefaultLogger.Disable = true
	options.Log.Level = gen.LogLevelDisabled
	return ergo.StartNode("bench@localhost", options)
}

func spawn(node gen.Node, handle func(p *handler, message any)) (gen.PID, error) {
	factory := func() gen.ProcessBehavior { return &handler{handle: handle} }
	return node.Spawn(factory, gen.ProcessOptions{})
}

func flow(senders, receivers int) work.Func {
	return func(m *work.Meter, n int) error {
		node, err := newNode()
		if err != nil {
			return err
		}
		each, tallies := work.NewTallies(n, senders, receivers)
		sinks := make([]gen.PID, receivers)
		for i, t := range tallies {
			sinks[i], err = spawn(node, func(_ *handler, message any) {
				if v, ok := message.(work.Number); ok {
					t.Add(v.N)
				}
			})
			if err != nil {
				return err
			}
		}
		sources := make([]gen.PID, senders)
		for s := range sources {
			to := sinks[s%receivers]
			sources[s], err = spawn(node, func(p *handler, message any) {
				if _, ok := message.(work.Start); ok {
					for i := range each {
						p.SendPID(to, work.Number{N: i})
					}
				}
			})
			if err != nil {
				return err
			}
		}
		m.Begin()
		for _, s := range sources {
			if err := node.Send(s, work.Start{}); err != nil {
				return err
			}
		}
		err = work.Await(tallies)
		m.End()
		return err
	}
}

func pingPong(deepStack bool) work.Func {
	return func(m *work.Meter, n int) error {
		node, err := newNode()
		if err != nil {
			return err
		}
		r := work.NewRally(n, deepStack)
		var ping, pong gen.PID
		pong, err = spawn(node, func(p *handler, message any) {
			if v, ok := message.(work.Number); ok {
				r.Hit()
				p.SendPID(ping, work.Number{N: v.N})
			}
		})
		if err != nil {
			return err
		}
		ping, err = spawn(node, func(p *handler, message any) {
			if v, ok := message.(work.Number); ok && r.Returned(v.N) {
				p.SendPID(pong, work.Number{N: v.N + 1})
			}
		})
		if err != nil {
			return err
		}
		m.Begin()
		if err := node.Send(pong, work.Number{}); err != nil {
			return err
		}
		err = <-r.Done
		m.End()
		return err
	}
}

// server answers requests.
type server struct{ act.Actor }

func (s *server) HandleCall(_ gen.PID, _ gen.Ref, request any) (any, error) {
	return work.Number{N: request.(work.Number).N + 1}, nil
}

// ask has a client process, for only a process can call another one.
func ask(m *work.Meter, n int) error {
	node, err := newNode()
	if err != nil {
		return err
	}
	to, err := node.Spawn(func() gen.ProcessBehavior { return &server{} }, gen.ProcessOptions{})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	client, err := spawn(node, func(p *handler, message any) {
		if _, ok := message.(work.Start); ok {
			done <- askAll(p, to, n)
		}
	})
	if err != nil {
		return err
	}
	m.Begin()
	if err := node.Send(client, work.Start{}); err != nil {
		return err
	}
	err = <-done
	m.End()
	return err
}

func askAll(p *handler, to gen.PID, n int) error {
	for i := range n {
		answer, err := p.CallPID(to, work.Number{N: i}, gen.DefaultRequestTimeout)
		if err != nil {
			return err
		}
		if err := work.CheckAnswer(i, answer.(work.Number).N); err != nil {
			return err
		}
	}
	return nil
}

// mortal tells when it ends.
type mortal struct {
	act.Actor
	ended *sync.WaitGroup
}

func (m *mortal) Terminate(error) { m.ended.Done() }

func spawnStop(m *work.Meter, n int) error {
	node, err := newNode()
	if err != nil {
		return err
	}
	pids := make([]gen.PID, n)
	var ended sync.WaitGroup
	ended.Add(n)
	factory := func() gen.ProcessBehavior { return &mortal{ended: &ended} }
	m.Begin()
	for i := range pids {
		if pids[i], err = node.Spawn(factory, gen.ProcessOptions{}); err != nil {
			return err
		}
	}
	for _, pid := range pids {
		if err := node.SendExit(pid, gen.TerminateReasonNormal); err != nil {
			return err
		}
	}
	ended.Wait()
	m.End()
	return nil
}

func ring(m *work.Meter, n int) error {
	node, err := newNode()
	if err != nil {
		return err
	}
	pids := make([]gen.PID, work.RingSize)
	done := make(chan error, 1)
	for i := range pids {
		next := (i + 1) % work.RingSize
		pids[i], err = spawn(node, func(p *handler, message any) {
			token, ok := message.(work.Number)
			switch {
			case !ok:
			case token.N == 0:
				done <- work.CheckRing(i, n)
			default:
				p.SendPID(pids[next], work.Number{N: token.N - 1})
			}
		})
		if err != nil {
			return err
		}
	}
	m.Begin()
	if err := node.Send(pids[0], work.Number{N: n}); err != nil {
		return err
	}
	err = <-done
	m.End()
	return err
}

func idle(m *work.Meter, n int) error {
	node, err := newNode()
	if err != nil {
		return err
	}
	pids := make([]gen.PID, n)
	var touched sync.WaitGroup
	handle := func(_ *handler, message any) {
		if _, ok := message.(work.Number); ok {
			touched.Done()
		}
	}
	start := func() (err error) {
		for i := range pids {
			if pids[i], err = spawn(node, handle); err != nil {
				return err
			}
		}
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, pid := range pids {
			if err := node.Send(pid, work.Number{N: i}); err != nil {
				return err
			}
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, start, touch)
}
