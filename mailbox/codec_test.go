package mailbox_test

import (
	"strings"
	"testing"

	"github.com/troupe-go/troupe/mailbox"
)

type order struct {
	Item string
	N    int
}

func TestCodec_ThereAndBack(t *testing.T) {
	encoding, body, err := mailbox.Encode(nil, order{"apple", 3})
	if err != nil {
		t.Fatal(err)
	}
	got, err := mailbox.Decode[order](nil, encoding, body)
	if err != nil || got != (order{"apple", 3}) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestCodec_BytesStayBytes(t *testing.T) {
	encoding, body, err := mailbox.Encode(nil, []byte("as it is"))
	if err != nil || string(body) != "as it is" {
		t.Fatalf("got %q, %v", body, err)
	}
	got, err := mailbox.Decode[[]byte](nil, encoding, body)
	if err != nil || string(got) != "as it is" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := mailbox.Decode[order](nil, encoding, body); err == nil {
		t.Error("bytes were read as an order")
	}
}

func TestCodec_ErrorsSayWhat(t *testing.T) {
	_, _, err := mailbox.Encode(nil, make(chan int))
	if err == nil || !strings.Contains(err.Error(), "chan int") {
		t.Errorf("Encode of a channel: %v", err)
	}
	_, err = mailbox.Decode[order](nil, "json", []byte(`{"N":"many"}`))
	if err == nil || !strings.Contains(err.Error(), "mailbox_test.order") {
		t.Errorf("Decode of what is not an order: %v", err)
	}
	_, err = mailbox.Decode[order](nil, "cbor", []byte{1})
	if err == nil || !strings.Contains(err.Error(), `"cbor"`) {
		t.Errorf("Decode of another encoding: %v", err)
	}
}
