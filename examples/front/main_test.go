package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/troupe-go/troupe"
)

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

func TestApp(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- troupe.Run(ctx, app(l).Run) }()
	url := fmt.Sprintf("http://%s/cart/42", l.Addr())
	for range 2 {
		if code, text := call(t, "POST", url, `{"Item":"apple","N":3}`); code != http.StatusAccepted {
			t.Error(code, text)
		}
	}
	if code, text := call(t, "POST", url, `{"Item":"apple"}`); code != http.StatusBadRequest {
		t.Error(code, text)
	}
	if code, text := call(t, "GET", url, ""); code != http.StatusOK || text != `{"apple":6}` {
		t.Error(code, text)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFull: nobody serves the shop; its carts take a hundred requests and no more.
func TestFull(t *testing.T) {
	server := httptest.NewServer(front(newShop()))
	defer server.Close()
	for i := range 101 {
		want := http.StatusAccepted
		if i == 100 {
			want = http.StatusServiceUnavailable
		}
		if code, text := call(t, "POST", server.URL+"/cart/1", `{"Item":"pear","N":1}`); code != want {
			t.Fatal(i, code, text)
		}
	}
}
