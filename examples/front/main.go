// Front is a web server in front of a station: what is posted is mail, and answered as soon as it
// is safe; what is asked waits for an answer, but not for long. A server that is drowning in work
// says so.
//
//	curl -d '{"Item":"apple","N":3}' localhost:8080/cart/42
//	curl localhost:8080/cart/42
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/station"
	"github.com/troupe-go/troupe/supervisor"
)

// A request to a cart: put something in, or, if it is empty, tell what is in.
type request struct {
	Item string
	N    int
}

type cart struct{ items map[string]int }

func (c *cart) Handle(ctx context.Context, m station.Mail[request]) error {
	if m.IsQuestion() {
		return m.Reply(ctx, c.items)
	}
	c.items[m.Body.Item] += m.Body.N
	return nil
}

func newShop() *station.Station {
	shop := station.New(mailbox.NewMemory())
	station.Handle(shop, "/cart/{id}", func(string) (station.Actor[request], error) {
		return &cart{items: map[string]int{}}, nil
	}, station.Options{Capacity: 100, Full: troupe.Refuse, Idle: time.Hour})
	return shop
}

// front returns the handler of the web server.
func front(shop *station.Station) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cart/{id}", func(w http.ResponseWriter, r *http.Request) {
		var put request
		if err := json.NewDecoder(r.Body).Decode(&put); err != nil || put.N < 1 {
			http.Error(w, "want an Item and an N of 1 or more", http.StatusBadRequest)
			return
		}
		if err := station.Tell(r.Context(), shop, "/cart/"+r.PathValue("id"), put); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /cart/{id}", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		items, err := station.Ask[request, map[string]int](ctx, shop, "/cart/"+r.PathValue("id"), request{})
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(items)
	})
	return mux
}

// fail answers with what an error means to the browser.
func fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, troupe.ErrMailboxFull):
		code = http.StatusServiceUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		code = http.StatusGatewayTimeout
	case errors.Is(err, mailbox.ErrAddress):
		code = http.StatusBadRequest
	}
	http.Error(w, err.Error(), code)
}

// serve runs the web server until ctx ends; requests that are being answered are waited for.
func serve(l net.Listener, h http.Handler) func(context.Context) error {
	return func(ctx context.Context) error {
		server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		return server.Shutdown(limit)
	}
}

// app is the whole program: the web server ends before the station does.
func app(l net.Listener) supervisor.Spec {
	shop := newShop()
	return supervisor.Spec{Strategy: supervisor.RestForOne, Children: []supervisor.Child{
		{Name: "shop", Body: shop.Body()},
		{Name: "web", Body: troupe.Service(serve(l, front(shop)))},
	}}
}

func main() {
	l, err := net.Listen("tcp", "localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := troupe.Run(ctx, app(l).Run); err != nil {
		log.Fatal(err)
	}
}
