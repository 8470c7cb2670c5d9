// Command channel does the works of the benchmarks with plain goroutines and
// channels.
package main

import (
	"context"
	"sync"
	"time"

	"github.com/troupe-go/troupe/bench/internal/work"
)

func main() {
	work.Main(work.Peer{
		Name:  "channel",
		Plain: true,
		SetUp: "goroutines with channels: a buffer of 1,024 for a stream, of 1 elsewhere; " +
			"for Ask one reply channel per client, used again for every request, but a new one where requests have a time-out",
		Works: work.Standard{
			Flow:       flow,
			PingPong:   pingPong,
			Ask:        ask,
			AskTimeout: askTimeout,
			SpawnStop:  spawnStop,
			Ring:       ring,
			Idle:       idle,
		}.Table(),
	})
}

func flow(senders, receivers int) work.Func {
	return func(m *work.Meter, n int) error {
		each, tallies := work.NewTallies(n, senders, receivers)
		mailboxes := make([]chan work.Number, receivers)
		for i, t := range tallies {
			mailboxes[i] = make(chan work.Number, work.ChannelCap)
			go func() {
				for v := range mailboxes[i] {
					t.Add(v.N)
				}
			}()
		}
		m.Begin()
		for s := range senders {
			go func() {
				to := mailboxes[s%receivers]
				for i := range each {
					to <- work.Number{N: i}
				}
			}()
		}
		err := work.Await(tallies)
		m.End()
		return err
	}
}

func pingPong(deepStack bool) work.Func {
	return func(m *work.Meter, n int) error {
		r := work.NewRally(n, deepStack)
		ping, pong := make(chan work.Number, 1), make(chan work.Number, 1)
		go func() {
			for v := range pong {
				r.Hit()
				ping <- v
			}
		}()
		go func() {
			for v := range ping {
				if r.Returned(v.N) {
					pong <- work.Number{N: v.N + 1}
				}
			}
		}()
		m.Begin()
		pong <- work.Number{N: 0}
		err := <-r.Done
		m.End()
		return err
	}
}

type request struct {
	n     int
	reply chan int
}

// serve answers requests.
func serve() chan<- request {
	requests := make(chan request, 1)
	go func() {
		for r := range requests {
			r.reply <- r.n + 1
		}
	}()
	return requests
}

func ask(m *work.Meter, n int) error {
	requests := serve()
	reply := make(chan int, 1)
	m.Begin()
	for i := range n {
		requests <- request{i, reply}
		if err := work.CheckAnswer(i, <-reply); err != nil {
			return err
		}
	}
	m.End()
	return nil
}

// askTimeout has a context with a deadline for each request, and a reply
// channel of its own, since a late answer may not reach the next request.
func askTimeout(m *work.Meter, n int) error {
	requests := serve()
	one := func(i int) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		reply := make(chan int, 1)
		select {
		case requests <- request{i, reply}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case answer := <-reply:
			return work.CheckAnswer(i, answer)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.Begin()
	for i := range n {
		if err := one(i); err != nil {
			return err
		}
	}
	m.End()
	return nil
}

func spawnStop(m *work.Meter, n int) error {
	mailboxes := make([]chan work.Number, n)
	var ended sync.WaitGroup
	m.Begin()
	for i := range mailboxes {
		mailbox := make(chan work.Number, 1)
		mailboxes[i] = mailbox
		ended.Go(func() {
			for range mailbox {
			}
		})
	}
	for _, mailbox := range mailboxes {
		close(mailbox)
	}
	ended.Wait()
	m.End()
	return nil
}

func ring(m *work.Meter, n int) error {
	mailboxes := make([]chan work.Number, work.RingSize)
	for i := range mailboxes {
		mailboxes[i] = make(chan work.Number, 1)
	}
	done := make(chan error, 1)
	for i, mailbox := range mailboxes {
		next := mailboxes[(i+1)%work.RingSize]
		go func() {
			for token := range mailbox {
				if token.N == 0 {
					done <- work.CheckRing(i, n)
					return
				}
				next <- work.Number{N: token.N - 1}
			}
		}()
	}
	m.Begin()
	mailboxes[0] <- work.Number{N: n}
	err := <-done
	m.End()
	return err
}

func idle(m *work.Meter, n int) error {
	mailboxes := make([]chan work.Number, n)
	var started, touched sync.WaitGroup
	spawn := func() error {
		started.Add(n)
		for i := range mailboxes {
			mailbox := make(chan work.Number, 1)
			mailboxes[i] = mailbox
			go func() {
				started.Done()
				for range mailbox {
					touched.Done()
				}
			}()
		}
		started.Wait()
		return nil
	}
	touch := func() error {
		touched.Add(n)
		for i, mailbox := range mailboxes {
			mailbox <- work.Number{N: i}
		}
		touched.Wait()
		return nil
	}
	return m.Idle(n, spawn, touch)
}
