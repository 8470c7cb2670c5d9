package main

import (
	"context"

	"github.com/hibiken/asynq"
)

// openAsynq enqueues tasks and lets 64 workers handle them, as asynq is used: it takes a
// task from the queue, and out of what is active when its handler has returned.
func openAsynq(b *place) system {
	opt := asynq.RedisClientOpt{Addr: startRedis(b), PoolSize: 128}
	client := asynq.NewClient(opt)
	b.Cleanup(func() { client.Close() })
	came := make(chan struct{}, 1024)
	srv := asynq.NewServer(opt, asynq.Config{Concurrency: 64, LogLevel: asynq.FatalLevel})
	err := srv.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		came <- struct{}{}
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Shutdown)
	return system{
		put: func(body []byte) error {
			_, err := client.Enqueue(asynq.NewTask("mail", body))
			return err
		},
		serve: func(n int, handled func()) error {
			for range n {
				<-came
				handled()
			}
			return nil
		},
	}
}
