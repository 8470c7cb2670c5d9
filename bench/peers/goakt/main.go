// Command goakt does the works of the benchmarks with GoAkt. It is a module of
// its own, so that the others build where this one cannot be had.
package main

import (
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/tochemey/goakt/v3/actor"
	"github.com/tochemey/goakt/v3/goaktpb"
	"github.com/tochemey/goakt/v3/log"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/troupe-go/troupe/bench/internal/work"
)

func main() {
	work.Main(work.Peer{
		Name:   "goakt",
		Module: "github.com/tochemey/goakt/v3",
		SetUp: "default unbounded mailbox, the plain Tell, which carries no sender, long-lived actors (without passivation), no remoting; " +
			"messages are protobuf messages, as it demands; a million actors take it minutes to spawn, and " +
			"its time to stop one grows with the number of its siblings, so it gets fewer of them",
		Most: map[string]int{"idle": 100_000, "spawn-stop": 2_000},
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

// receiver is an actor whose messages go to a function.
type receiver func(c *actor.ReceiveContext)

func (r receiver) PreStart(*actor.Context) error   { return nil }
func (r receiver) Receive(c *actor.ReceiveContext) { r(c) }
func (r receiver) PostStop(*actor.Context) error   { return nil }

// system numbers its actors, for each needs a name.
type system struct {
	actor.ActorSystem
	ctx   context.Context
	names int
}

func newSystem() (*system, error) {
	ctx := context.Background()
	s, err := actor.NewActorSystem("bench", actor.WithLogger(log.New(log.ErrorLevel, io.Discard)))
	if err != nil {
		return nil, err
	}
	return &system{ActorSystem: s, ctx: ctx}, s.Start(ctx)
}

func (s *system) start(a actor.Actor) (*actor.PID, error) {
	s.names++
	return s.Spawn(s.ctx, "a"+strconv.Itoa(s.names), a, actor.WithLongLived())
}

func (s *system) send(to *actor.PID, n int) error { return actor.Tell(s.ctx, to, number(n)) }

func number(n int) *wrapperspb.Int64Value { return wrapperspb.Int64(int64(n)) }

func flow(senders, receivers int) work.Func {
	return func(m *work.Meter, n int) error {
		s, err := newSystem()
		if err != nil {
			return err
		}
		each, tallies := work.NewTallies(n, senders, receivers)
		sinks := make([]*actor.PID, receivers)
		for i, t := range tallies {
			sinks[i], err = s.start(receiver(func(c *actor.ReceiveContext) {
				if v, ok := c.Message().(*wrapperspb.Int64Value); ok {
					t.Add(int(v.Value))
				}
			}))
			if err != nil {
				return err
			}
		}
		sources := make([]*actor.PID, senders)
		for i := range sources {
			to := sinks[i%receivers]
			sources[i], err = s.start(receiver(func(c *actor.ReceiveContext) {
				if _, ok := c.Message().(*emptypb.Empty); ok {
					for i := range each {
						s.send(to, i)
					}
				}
			}))
			if err != nil {
				return err
			}
		}
		m.Begin()
		for _, source := range sources {
			if err := actor.Tell(s.ctx, source, &emptypb.Empty{}); err != nil {
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
		s, err := newSystem()
		if err != nil {
			return err
		}
		r := work.NewRally(n, deepStack)
		var ping, pong *actor.PID
		pong, err = s.start(receiver(func(c *actor.ReceiveContext) {
			if v, ok := c.Message().(*wrapperspb.Int64Value); ok {
				r.Hit()
				s.send(ping, int(v.Value))
			}
		}))
		if err != nil {
			return err
		}
		ping, err = s.start(receiver(func(c *actor.ReceiveContext) {
			if v, ok := c.Message().(*wrapperspb.Int64Value); ok && r.Returned(int(v.Value)) {
				s.send(pong, int(v.Value)+1)
			}
		}))
		if err != nil {
			return err
		}
		m.Begin()
		if err := s.send(pong, 0); err != nil {
			return err
		}
		err = <-r.Done
		m.End()
		return err
	}
}

func ask(m *work.Meter, n int) error {
	s, err := newSystem()
	if err != nil {
		return err
	}
	server, err := s.start(receiver(func(c *actor.ReceiveContext) {
		if v, ok := c.Message().(*wrapperspb.Int64Value); ok {
			c.Response(number(int(v.Value) + 1))
		}
	}))
	if err != nil {
		return err
	}
	m.Begin()
	for i := range n {
		answer, err := actor.Ask(s.ctx, server, number(i), 10*time.Second)
		if err != nil {
			return err
		}
		if err := work.CheckAnswer(i, int(answer.(*wrapperspb.Int64Value).Value)); err != nil {
			return err
		}
	}
	m.End()
	return nil
}

// mortal tells when it ends.
type mortal struct{ ended *sync.WaitGroup }

func (mortal) PreStart(*actor.Context) error   { return nil }
func (mortal) Receive(*actor.ReceiveContext)   {}
func (m mortal) PostStop(*actor.Context) error { m.ended.Done(); return nil }

func spawnStop(m *work.Meter, n int) error {
	s, err := newSystem()
	if err != nil {
		return err
	}
	pids := make([]*actor.PID, n)
	var ended sync.WaitGroup
	ended.Add(n)
	m.Begin()
	for i := range pids {
		if pids[i], err = s.start(mortal{&ended}); err != nil {
			return err
		}
	}
	for _, pid := range pids {
		if err := pid.Shutdown(s.ctx); err != nil {
			return err
		}
	}
	ended.Wait()
	m.End()
	return nil
}

func ring(m *work.Meter, n int) error {
	s, err := newSystem()
	if err != nil {
		return err
	}
	pids := make([]*actor.PID, work.RingSize)
	done := make(chan error, 1)
	for i := range pids {
		next := (i + 1) % work.RingSize
		pids[i], err = s.start(receiver(func(c *actor.ReceiveContext) {
			token, ok := c.Message().(*wrapperspb.Int64Value)
			switch {
			case !ok:
			case token.Value == 0:
				done <- work.CheckRing(i, n)
			default:
				s.send(pids[next], int(token.Value)-1)
			}
		}))
		if err != nil {
			return err
		}
	}
	m.Begin()
	if err := s.send(pids[0], n); err != nil {
		return err
	}
	err = <-done
	m.End()
	return err
}

func idle(m *work.Meter, n int) error {
	s, err := newSystem()
	if err != nil {
		return err
	}
	pids := make([]*actor.PID, n)
	var started, touched sync.WaitGroup
	receive := receiver(func(c *actor.ReceiveContext) {
		switch c.Message().(type) {
		case *goaktpb.PostStart:
			started.Done()
		case *wrapperspb.Int64Value:
			touched.Done()
		}
	})
	spawn := func() error {
		started.Add(n)
		for i := range pids {
			var err error
			if pids[i], err = s.start(receive); err != nil {
				return err
			}
		}
		started.Wait()
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, pid := range pids {
			if err := s.send(pid, i); err != nil {
				return err
			}
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, spawn, touch)
}
