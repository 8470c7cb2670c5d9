package jetstream_test

import (
	"context"
	"fmt"
	"os"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/jetstream"
)

// A folder is all that is needed: the server is part of the program.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := jetstream.Open(dir, jetstream.Partitions(2))
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
	into, woken := make([]mailbox.Delivery, 10), make(chan struct{}, 1)
	n, err := box.Fetch(into, func() { woken <- struct{}{} })
	for n == 0 && err == nil { // it is being written down that the mail is handed out
		<-woken
		n, err = box.Fetch(into, func() { woken <- struct{}{} })
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", box.Address(), into[0].Body)
	if err := box.Settle([]mailbox.Outcome{{Key: into[0].Key}}); err != nil {
		fmt.Println(err)
		return
	}
	if err := session.Flush(ctx); err != nil {
		fmt.Println(err)
		return
	}
	status, err := store.Addresses().Status(ctx, "/cart/42")
	fmt.Println(status.Waiting, err)
	// Output:
	// /cart/42: three apples
	// 0 <nil>
}

// One program can keep the mail of others.
func ExampleListen() {
	store, err := jetstream.Open("mail", jetstream.Listen("127.0.0.1:4222"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	// In another program:
	other, err := jetstream.Connect("nats://127.0.0.1:4222")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer other.Close()
}
