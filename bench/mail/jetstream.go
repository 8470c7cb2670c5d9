package main

import (
	"context"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox/jetstream"
)

// startNats starts a server in this program that writes each change to disk before it
// answers, and connects to it as jetstream.Open does.
func startNats(b *place) *nats.Conn {
	ns, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	ns.Start()
	b.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(10 * time.Second) {
		b.Fatal("the nats-server did not start")
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

func openJetStream(b *place) system {
	store, err := jetstream.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	return ofStore(b, store)
}

// openRawJetStream publishes to a work queue, reads with a pull consumer, and acknowledges
// one by one, without waiting but for the last.
func openRawJetStream(b *place) system {
	ctx := context.Background()
	j, err := js.New(startNats(b), js.WithDefaultTimeout(time.Minute)) // a slow disk is no failure
	if err != nil {
		b.Fatal(err)
	}
	_, err = j.CreateStream(ctx, js.StreamConfig{Name: "RAW", Subjects: []string{"raw"}, Retention: js.WorkQueuePolicy, Storage: js.FileStorage})
	if err != nil {
		b.Fatal(err)
	}
	c, err := j.CreateConsumer(ctx, "RAW", js.ConsumerConfig{Durable: "c", AckPolicy: js.AckExplicitPolicy, MaxAckPending: -1})
	if err != nil {
		b.Fatal(err)
	}
	return system{
		put: func(body []byte) error {
			_, err := j.Publish(ctx, "raw", body)
			return err
		},
		serve: func(n int, handled func()) error {
			it, err := c.Messages(js.PullMaxMessages(256))
			if err != nil {
				return err
			}
			defer it.Stop()
			for ; n > 0; n-- {
				m, err := it.Next()
				if err != nil {
					return err
				}
				handled()
				if n == 1 {
					err = m.DoubleAck(ctx)
				} else {
					err = m.Ack()
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}
