// Consumer takes messages from a queue outside of the program and gives them to addresses. The
// queue may deliver a message again, as most do when an acknowledgement is late or lost. A message
// is acknowledged there when it is safe here; its ID sees to it that it is handled once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
	"github.com/troupe-go/troupe/supervisor"
)

// A message is what comes out of the queue.
type message struct{ ID, Customer, Text string }

// A queue is what the program needs of the outside world: NSQ, SQS and others have it.
type queue interface {
	Receive(ctx context.Context) (message, error) // waits for the next one
	Finish(m message) error                       // it need not come again
}

// consume gives what comes from the queue to the station. When the station's store is full it
// waits, and takes no more out of the queue.
func consume(q queue, desk *station.Station) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			m, err := q.Receive(ctx)
			if err != nil {
				return err
			}
			if err := station.Tell(ctx, desk, "/customer/"+m.Customer, m.Text, station.ID(m.ID)); err != nil {
				return err // it was not finished: the queue delivers it again
			}
			if err := q.Finish(m); err != nil {
				return err
			}
		}
	}
}

func run(ctx context.Context, q queue, out io.Writer, done func(error)) error {
	desk := station.New(mailbox.NewMemory())
	station.HandleFunc(desk, "/customer/{name}", func(_ context.Context, m station.Mail[string]) error {
		_, err := fmt.Fprintln(out, m.Param("name"), m.Body)
		return err
	}, station.Options{Capacity: 100, Done: func(_ string, err error) { done(err) }})
	app := supervisor.Spec{Children: []supervisor.Child{
		{Name: "desk", Body: desk.Body()},
		{Name: "consumer", Body: troupe.Service(consume(q, desk)), Backoff: supervisor.Backoff{Min: time.Second}},
	}, Intensity: 10}
	return troupe.Run(ctx, app.Run)
}

// A forgetful queue delivers each message twice, and breaks in between.
type forgetful struct {
	mu       sync.Mutex
	messages []message
	next     int
}

func (q *forgetful) Receive(ctx context.Context) (message, error) {
	q.mu.Lock()
	n := q.next
	q.next++
	q.mu.Unlock()
	switch {
	case n == 3:
		return message{}, errors.New("the connection broke")
	case n > 3:
		n--
	}
	if n >= 2*len(q.messages) {
		<-ctx.Done()
		return message{}, context.Cause(ctx)
	}
	return q.messages[n/2], nil
}

func (q *forgetful) Finish(message) error { return nil }

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	q := &forgetful{messages: []message{{"1", "ann", "hello"}, {"2", "bob", "good morning"}, {"3", "ann", "goodbye"}}}
	var mu sync.Mutex
	left := len(q.messages)
	err := run(ctx, q, os.Stdout, func(error) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			cancel()
		}
	})
	if err != nil {
		log.Fatal(err)
	}
}
