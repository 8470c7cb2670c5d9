package redis_test

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/redis"
)

// Mail waits in Redis until a program serves its address.
func Example() {
	ctx := context.Background()
	store, err := redis.Connect("redis://127.0.0.1:6379", redis.Prefix("shop"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	err = store.Put(ctx, mailbox.Mail{Address: "/cart/42", ID: "order 7", Body: []byte("three apples")})
	if err != nil {
		fmt.Println(err)
		return
	}

	session, err := store.Serve(ctx, mailbox.Serving{})
	if err != nil {
		fmt.Println(err)
		return
	}
	box, err := session.Next(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	into := make([]mailbox.Delivery, 10)
	n, err := box.Fetch(into, func() { /* there is more */ })
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range into[:n] {
		fmt.Printf("%s: %s\n", d.Address, d.Body)
		if err := box.Settle([]mailbox.Outcome{{Key: d.Key}}); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := box.Release(0); err != nil {
		fmt.Println(err)
	}
}

// A cluster has addresses on all its nodes if there are some partitions for each.
func ExampleNew() {
	client := goredis.NewUniversalClient(&goredis.UniversalOptions{Addrs: []string{"10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"}})
	defer client.Close()
	store := redis.New(client, redis.Partitions(32))
	defer store.Close()
}
