package mailbox_test

import (
	"context"
	"fmt"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

// An address owns its mail: it waits whether or not anybody serves the address.
func Example() {
	ctx := context.Background()
	store := mailbox.NewMemory()
	defer store.Close()
	for _, item := range []string{"apple", "pear"} {
		if err := store.Put(ctx, mailbox.Mail{Address: "/cart/42", Value: item}); err != nil {
			fmt.Println(err)
			return
		}
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
	n, err := box.Fetch(into, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range into[:n] {
		fmt.Println(box.Address(), d.Value)
		if err := box.Settle([]mailbox.Outcome{{Key: d.Key}}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// /cart/42 apple
	// /cart/42 pear
}

// A failed mail keeps its place; one that fails too often becomes a dead letter, with
// the reason.
func ExampleOutcome() {
	ctx := context.Background()
	store := mailbox.NewMemory()
	defer store.Close()
	if err := store.Put(ctx, mailbox.Mail{Address: "/a", Value: "poison"}, mailbox.Mail{Address: "/a", Value: "good"}); err != nil {
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
	into := make([]mailbox.Delivery, 1)
	for {
		n, err := box.Fetch(into, nil)
		if n == 0 || err != nil {
			break
		}
		d := into[0]
		fmt.Println(d.Value, "delivery", d.Count)
		o := mailbox.Outcome{Key: d.Key}
		switch {
		case d.Value != "poison":
		case d.Count < 3:
			o.Verdict = mailbox.Retry // with o.At, some time later
		default:
			o.Verdict, o.Reason = mailbox.Dead, "it tastes bad"
		}
		if err := box.Settle([]mailbox.Outcome{o}); err != nil {
			fmt.Println(err)
			return
		}
	}
	letters, err := store.DeadLetters().List(ctx, mailbox.Query{})
	fmt.Println(letters[0].Value, "is dead:", letters[0].Reason, err)
	// Output:
	// poison delivery 1
	// poison delivery 2
	// poison delivery 3
	// good delivery 1
	// poison is dead: it tastes bad <nil>
}

// Wake tells when another Fetch is worth while, so that no goroutine has to wait for
// each address.
func ExampleBox_fetch() {
	ctx := context.Background()
	store := mailbox.NewMemory()
	defer store.Close()
	session, err := store.Serve(ctx, mailbox.Serving{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.Put(ctx, mailbox.Mail{Address: "/a", Value: "tea"}); err != nil {
		fmt.Println(err)
		return
	}
	box, err := session.Next(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	into := make([]mailbox.Delivery, 10)
	woken := make(chan struct{}, 1)
	wake := func() { woken <- struct{}{} } // called once for each Fetch that returned 0

	time.AfterFunc(time.Millisecond, func() {
		store.Put(ctx, mailbox.Mail{Address: "/a", Value: "coffee"})
	})
	for handled := 0; handled < 2; {
		n, err := box.Fetch(into, wake)
		if err != nil {
			fmt.Println(err)
			return
		}
		if n == 0 {
			<-woken
		}
		for _, d := range into[:n] {
			fmt.Println(d.Value)
			box.Settle([]mailbox.Outcome{{Key: d.Key}})
			handled++
		}
	}
	// Output:
	// tea
	// coffee
}

// A limit travels with the mail, and so does what is to happen beyond it.
func ExampleMail_limit() {
	ctx := context.Background()
	store := mailbox.NewMemory()
	defer store.Close()
	for i := range 3 {
		err := store.Put(ctx, mailbox.Mail{Address: "/a", Value: i, Limit: 2, Full: troupe.Refuse})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// mailbox: the address has as much mail as its limit allows: troupe: mailbox is full
}
