package main

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
)

type client struct {
	t   *testing.T
	ctx context.Context
	c   *websocket.Conn
}

func (c *client) say(to, text string) {
	c.t.Helper()
	if err := wsjson.Write(c.ctx, c.c, line{To: to, Text: text}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) hears(from, text string) {
	c.t.Helper()
	var got line
	if err := wsjson.Read(c.ctx, c.c, &got); err != nil {
		c.t.Fatal(err)
	}
	if got.From != from || got.Text != text {
		c.t.Errorf("heard %+v, want %q from %s", got, text, from)
	}
}

func (c *client) leave() {
	c.t.Helper()
	if err := c.c.Close(websocket.StatusNormalClosure, ""); err != nil {
		c.t.Error(err)
	}
}

func TestChat(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	store := mailbox.NewMemory()
	defer store.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- troupe.Run(ctx, app(listener, store).Run) }()

	limit, release := context.WithTimeout(t.Context(), 30*time.Second)
	defer release()
	join := func(name string) *client {
		c, _, err := websocket.Dial(limit, fmt.Sprintf("ws://%s/chat?name=%s", listener.Addr(), name), nil) //nolint:bodyclose // Dial does
		if err != nil {
			t.Fatal(err)
		}
		return &client{t, limit, c}
	}
	ann, bob := join("ann"), join("bob")
	ann.say("bob", "hello")
	bob.hears("ann", "hello")
	bob.say("ann", "hello yourself")
	ann.hears("bob", "hello yourself")

	bob.leave()
	for i := range 10 { // bob is away, and cy never was here
		ann.say("bob", fmt.Sprint("are you there? ", i))
		ann.say("cy", fmt.Sprint("welcome ", i))
	}
	ann.say("ann", "I am talking to myself")
	ann.hears("ann", "I am talking to myself")
	bob, cy := join("bob"), join("cy")
	for i := range 10 {
		bob.hears("ann", fmt.Sprint("are you there? ", i))
		cy.hears("ann", fmt.Sprint("welcome ", i))
	}
	ann.say("", "nobody")
	var got line
	if err := wsjson.Read(limit, ann.c, &got); err != nil || got.From != "chat" {
		t.Error(got, err)
	}
	for _, c := range []*client{ann, bob, cy} {
		c.leave()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
