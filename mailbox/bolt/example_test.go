package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/bolt"
)

// Mail waits in the file until somebody serves its address, also when the program has
// ended in between.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mail.db")

	store, err := bolt.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The second is the same mail as the first: its sender was not sure.
	for range 2 {
		err = store.Put(ctx, mailbox.Mail{Address: "/cart/42", ID: "order 7", Body: []byte("three apples")})
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := store.Close(); err != nil {
		fmt.Println(err)
		return
	}

	if store, err = bolt.Open(path); err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
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
		fmt.Printf("%s: %s\n", box.Address(), d.Body)
		if err := box.Settle([]mailbox.Outcome{{Key: d.Key}}); err != nil {
			fmt.Println(err)
		}
	}
	// Output: /cart/42: three apples
}

// A collector adds up the numbers that come to it and sends each sum on. Its state, the
// outcome and the mail that it sends are one step: however often the program is
// killed, each number counts once, and each sum is sent once.
func Example_collector() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := bolt.Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	for _, number := range []string{"1", "2", "3"} {
		if err := store.Put(ctx, mailbox.Mail{Address: "/sum", Body: []byte(number)}); err != nil {
			fmt.Println(err)
			return
		}
	}

	session, err := store.Serve(ctx, mailbox.Serving{Accept: func(a string) bool { return a == "/sum" }})
	if err != nil {
		fmt.Println(err)
		return
	}
	box, err := session.Next(ctx) // waits for mail; /sum is this session's from now on
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := collect(ctx, box); err != nil {
		fmt.Println(err)
		return
	}

	sums, err := store.Addresses().Status(ctx, "/sums")
	fmt.Println("sums that were sent:", sums.Waiting, err)
	state, err := store.State(ctx, "/sum") // without mail, and without owning the address
	fmt.Println("the last of them:", string(state), err)
	// Output:
	// 1 makes 1
	// 2 makes 3
	// 3 makes 6
	// sums that were sent: 3 <nil>
	// the last of them: 6 <nil>
}

// collect handles the mail of a box until there is none, and gives it back.
func collect(ctx context.Context, box mailbox.Box) error {
	ledger, ok := box.(mailbox.Ledger)
	if !ok {
		return errors.New("the store keeps no state")
	}
	state, err := ledger.State(ctx) // of the last Commit; nil at first
	if err != nil {
		return err
	}
	sum, _ := strconv.Atoi(string(state))
	into := make([]mailbox.Delivery, 10)
	for {
		n, err := box.Fetch(into, nil) // nil: nobody waits for more
		if err != nil {
			return err
		}
		if n == 0 {
			return box.Release(0) // Next returns it again when there is mail
		}
		for _, d := range into[:n] {
			number, err := strconv.Atoi(string(d.Body))
			if err != nil { // it will never be a number
				dead := mailbox.Outcome{Key: d.Key, Verdict: mailbox.Dead, Reason: err.Error()}
				if err := box.Settle([]mailbox.Outcome{dead}); err != nil {
					return err
				}
				continue
			}
			sum += number
			text := []byte(strconv.Itoa(sum))
			err = ledger.Commit(ctx, mailbox.Commit{
				Outcomes: []mailbox.Outcome{{Key: d.Key}},
				State:    text, SetState: true,
				Mail: []mailbox.Mail{{Address: "/sums", Body: text}},
			})
			if err != nil {
				return err // nothing was changed: the mail comes again, to the old state
			}
			fmt.Printf("%s makes %s\n", d.Body, text)
		}
	}
}
