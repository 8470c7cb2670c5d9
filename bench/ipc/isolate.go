package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/osproc/isolate"
)

// sink takes messages of 64 bytes, and answers one that begins with 1.
var sink = isolate.Register("sink", func(self *troupe.Self[[64]byte], _ troupe.None) error {
	for m := range self.Messages() {
		if m.Body[0] == 1 {
			if err := m.Reply(self, m.Body); err != nil {
				return err
			}
		}
	}
	return nil
})

// answer answers questions with what they ask.
var answer = isolate.Register("answer", func(self *troupe.Self[troupe.Call[[64]byte, [64]byte]], _ troupe.None) error {
	for m := range self.Messages() {
		if err := m.Body.Reply(self, m.Body.Request); err != nil {
			return err
		}
	}
	return nil
})

// isolateRows are about a process of the module root in an OS process of its own.
func isolateRows(context.Context) ([]*row, func(), error) {
	rows := []*row{
		{
			what: "isolate: messages of 64 bytes, one way", unit: perSecond, limit: 1e6, peer: "a bare socket pair, a write for each",
			ours: isolateOneWay(few(1_000_000)), theirs: bareOneWay(few(200_000)),
		},
		{
			what: "isolate: Ask, 64 bytes", target: 0.67, peer: "a bare socket pair",
			ours: isolateAsk(few(10_000)), theirs: bareRoundTrip(few(10_000)),
		},
	}
	return rows, func() {}, nil
}

// staged is a figure that is measured in a node.
func staged[M any](body func(self *troupe.Self[M]) (float64, error)) figure {
	return func(ctx context.Context) (v float64, err error) {
		err = troupe.Run(ctx, func(self *troupe.Self[M]) (err error) {
			v, err = body(self)
			return err
		}, troupe.Logger(slog.New(slog.DiscardHandler)))
		return v, err
	}
}

func isolateOneWay(n int) figure {
	return staged(func(self *troupe.Self[[64]byte]) (float64, error) {
		ref := isolate.Spawn(self, sink, troupe.None{})
		send := func(n int) error {
			for range n {
				if err := ref.Send(self, [64]byte{}); err != nil {
					return err
				}
			}
			if err := ref.Send(self, [64]byte{1}); err != nil {
				return err
			}
			if m := self.Receive(); m.Body[0] != 1 { // all has arrived
				return fmt.Errorf("it has answered with %v", m)
			}
			return nil
		}
		if err := send(n / 10); err != nil {
			return 0, err
		}
		return rate(n, func() error { return send(n) })
	})
}

func isolateAsk(n int) figure {
	return staged(func(self *troupe.Self[int]) (float64, error) {
		ref := isolate.Spawn(self, answer, troupe.None{})
		ask := func() error {
			_, err := troupe.Ask(self, ref, [64]byte{})
			return err
		}
		if _, err := each(n/10, ask); err != nil {
			return 0, err
		}
		return each(n, ask)
	})
}

// bareVariable marks a process that is the other side of a bare socket pair.
const bareVariable = "BENCH_IPC_BARE"

// serveBare sends back what it gets, if this process is one that does.
func serveBare() {
	if os.Getenv(bareVariable) == "" {
		return
	}
	c, err := net.FileConn(os.NewFile(3, "socket"))
	if err != nil {
		os.Exit(1)
	}
	b := make([]byte, 64)
	for {
		if _, err := io.ReadFull(c, b); err != nil {
			os.Exit(0)
		}
		if b[0] == 1 {
			_, _ = c.Write(b)
		}
	}
}

// bare starts the other side of a socket pair.
func bare() (c net.Conn, end func(), err error) {
	mine, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	defer mine.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), bareVariable+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	c, err = net.FileConn(mine)
	return c, func() { c.Close(); _ = cmd.Wait() }, err
}

// bareOneWay is how many writes of 64 bytes the other side takes in a second.
func bareOneWay(n int) figure {
	return func(context.Context) (float64, error) {
		c, end, err := bare()
		if err != nil {
			return 0, err
		}
		defer end()
		var body [64]byte
		return rate(n, func() error {
			for range n {
				if _, err := c.Write(body[:]); err != nil {
					return err
				}
			}
			return bareTrip(c)
		})
	}
}

func bareRoundTrip(n int) figure {
	return func(context.Context) (float64, error) {
		c, end, err := bare()
		if err != nil {
			return 0, err
		}
		defer end()
		if _, err := each(n/10, func() error { return bareTrip(c) }); err != nil {
			return 0, err
		}
		return each(n, func() error { return bareTrip(c) })
	}
}

func bareTrip(c net.Conn) error {
	body := [64]byte{1}
	if _, err := c.Write(body[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c, body[:])
	return err
}
