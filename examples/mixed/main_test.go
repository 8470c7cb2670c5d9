package main

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/mailbox/bolt"
	"github.com/troupe-go/troupe/station"
)

// TestOrdersLast: orders that were put before a restart are shipped after it, and
// the count goes on; what was to be shown is lost.
func TestOrdersLast(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orders.db")
	orders, err := bolt.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	shop := newShop(orders, nil)
	if err := put(t.Context(), shop, 2); err != nil {
		t.Fatal(err)
	}
	if err := station.Tell(t.Context(), shop, "/screen", "welcome"); err != nil {
		t.Fatal(err)
	}
	if err := orders.Close(); err != nil { // nobody has served anything
		t.Fatal(err)
	}
	serve(t, file, 0, "apple is order 1", "pear is order 2")
	serve(t, file, 3, "apple is order 3", "pear is order 4", "plum is order 5")
}

// serve runs the program until it has shown what it should.
func serve(t *testing.T, file string, n int, want ...string) {
	t.Helper()
	orders, err := bolt.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer orders.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var got []string
	shop := newShop(orders, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if got = append(got, text); len(got) == len(want) {
			cancel()
		}
	})
	if err := put(ctx, shop, n); err != nil {
		t.Fatal(err)
	}
	if err := troupe.Run(ctx, shop.Run); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown %q, want %q", got, want)
	}
}
