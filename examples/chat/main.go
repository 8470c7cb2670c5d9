// Chat over websockets: each user has an address, and what is said to one who is away waits until
// the user is back.
//
//	ws://localhost:8080/chat?name=ann
//
// takes {"To": "bob", "Text": "hello"} and gives {"From": "ann", "Text": "hello"}.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
	"github.com/troupe-go/troupe/supervisor"
)

// line is what one user says to another.
type line struct{ From, To, Text string }

// A lobby knows who is here.
type lobby struct {
	mu    sync.Mutex
	conns map[string]*websocket.Conn
}

func (l *lobby) get(name string) *websocket.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[name]
}

// enter lets a user in; one who comes a second time takes the place of the first.
func (l *lobby) enter(name string, c *websocket.Conn) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[name] = c
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.conns[name] == c {
			delete(l.conns, name)
		}
	}
}

// A user is the actor of one address. The gate lets it start only while the user is here.
type user struct {
	name  string
	lobby *lobby
}

func (u *user) Handle(ctx context.Context, m station.Mail[line]) error {
	c := u.lobby.get(u.name)
	if c == nil {
		return station.ErrNotNow // has gone: the mail waits
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := wsjson.Write(ctx, c, m.Body); err != nil {
		log.Println(u.name, "cannot be reached:", err)
		return station.ErrNotNow
	}
	return nil
}

const wait = 200 * time.Millisecond // until the gate is asked again

func newChat(store mailbox.Store) (*station.Station, *lobby) {
	chat, l := station.New(store), &lobby{conns: make(map[string]*websocket.Conn)}
	station.Handle(chat, "/user/{name}", func(address string) (station.Actor[line], error) {
		return &user{name: address[len("/user/"):], lobby: l}, nil
	}, station.Options{
		Gate: func(address string) bool { return l.get(address[len("/user/"):]) != nil }, GateWait: wait,
		Capacity: 1000, Full: troupe.DropOldest, // who is away for long misses what is old
	})
	return chat, l
}

// connect serves one user's connection.
func connect(chat *station.Station, l *lobby) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("name")
		if err := mailbox.CheckAddress("/user/" + name); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // Accept has answered
		}
		defer c.CloseNow()
		defer l.enter(name, c)()
		if err := chat.Start("/user/" + name); err != nil { // the gate is open now
			log.Println(err)
		}
		if err := listen(r.Context(), chat, name, c); websocket.CloseStatus(err) == -1 {
			log.Println(name, "has gone:", err)
		}
	}
}

// listen passes on what a user says.
func listen(ctx context.Context, chat *station.Station, name string, c *websocket.Conn) error {
	for {
		var said line
		if err := wsjson.Read(ctx, c, &said); err != nil {
			return err
		}
		said.From = name
		if err := station.Tell(ctx, chat, "/user/"+said.To, said); err != nil {
			said = line{From: "chat", To: name, Text: err.Error()}
			if err := wsjson.Write(ctx, c, said); err != nil {
				return err
			}
		}
	}
}

// app is the whole program.
func app(l net.Listener, store mailbox.Store) supervisor.Spec {
	chat, here := newChat(store)
	mux := http.NewServeMux()
	mux.Handle("/chat", connect(chat, here))
	return supervisor.Spec{Strategy: supervisor.RestForOne, Children: []supervisor.Child{
		{Name: "chat", Body: chat.Body()},
		{Name: "web", Body: troupe.Service(func(ctx context.Context) error {
			server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
			defer context.AfterFunc(ctx, func() { _ = server.Close() })()
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})},
	}}
}

func main() {
	l, err := net.Listen("tcp", "localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// A store that lasts, such as mailbox/bolt, would keep the lines over a restart as well.
	if err := troupe.Run(ctx, app(l, mailbox.NewMemory()).Run); err != nil {
		log.Fatal(err)
	}
}
