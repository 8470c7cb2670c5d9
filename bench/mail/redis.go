package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox/redis"
)

// startRedis starts a redis-server that writes each change to disk before it answers.
func startRedis(b *place) (addr string) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		b.Skip("there is no redis-server: install it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-server", "--port", port, "--dir", b.TempDir(), "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			return addr
		}
	}
	b.Fatal("redis-server did not start")
	return ""
}

func openRedis(b *place) system {
	store, err := redis.Connect("redis://" + startRedis(b))
	if err != nil {
		b.Fatal(err)
	}
	return ofStore(b, store)
}

// openRawRedis appends to a stream, reads with a consumer group, acknowledges and
// deletes, in batches, with nothing else.
func openRawRedis(b *place) system {
	ctx := context.Background()
	c := goredis.NewClient(&goredis.Options{Addr: startRedis(b), PoolSize: 128})
	b.Cleanup(func() { c.Close() })
	if err := c.XGroupCreateMkStream(ctx, "s", "g", "0").Err(); err != nil {
		b.Fatal(err)
	}
	return system{
		put: func(body []byte) error {
			return c.XAdd(ctx, &goredis.XAddArgs{Stream: "s", Values: []any{"b", body}}).Err()
		},
		serve: func(n int, handled func()) error {
			for n > 0 {
				r, err := c.XReadGroup(ctx, &goredis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"s", ">"}, Count: 64, Block: time.Second}).Result()
				if errors.Is(err, goredis.Nil) {
					continue
				}
				if err != nil {
					return err
				}
				p := c.TxPipeline()
				for _, m := range r[0].Messages {
					handled()
					p.XAck(ctx, "s", "g", m.ID)
					p.XDel(ctx, "s", m.ID)
				}
				if _, err := p.Exec(ctx); err != nil {
					return err
				}
				n -= len(r[0].Messages)
			}
			return nil
		},
	}
}
