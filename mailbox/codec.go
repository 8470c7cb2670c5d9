package mailbox

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// A Codec turns what mail says into bytes and back, for stores that keep bytes.
// Its methods may be called by any goroutine.
type Codec interface {
	// Name stands in [Mail.Encoding]. Mail of another encoding is not read.
	Name() string
	// Marshal returns the bytes for a value.
	Marshal(v any) ([]byte, error)
	// Unmarshal reads bytes into what v points to. It may keep neither data
	// nor a part of it.
	Unmarshal(data []byte, v any) error
}

// JSON is the Codec that is used when none is chosen: mail that waits for months
// is read by a newer program, and a dead letter by a person. What it cannot carry
// is what package encoding/json cannot: channels, functions, unexported fields.
type JSON struct{}

// Name returns "json".
func (JSON) Name() string { return "json" }

// Marshal is [json.Marshal].
func (JSON) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

// Unmarshal is [json.Unmarshal].
func (JSON) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// raw is the encoding of a body that is bytes already.
const raw = "bytes"

// Encode returns v as the Encoding and Body of mail. Bytes stay as they are,
// whatever the codec; everything else is marshalled by c, [JSON] if c is nil. An
// error names the type that cannot be sent.
func Encode[T any](c Codec, v T) (encoding string, body []byte, err error) {
	if b, ok := any(v).([]byte); ok {
		return raw, b, nil
	}
	if c == nil {
		c = JSON{}
	}
	body, err = c.Marshal(v)
	if err != nil {
		return "", nil, fmt.Errorf("mailbox: a %v cannot be sent as %s: %w", reflect.TypeFor[T](), c.Name(), err)
	}
	return c.Name(), body, nil
}

// Decode returns what mail of that Encoding and Body says. It does not keep body
// unless T is bytes. An error tells what was found instead of a T; mail that
// cannot be read is to be made a dead letter with it.
func Decode[T any](c Codec, encoding string, body []byte) (T, error) {
	var v T
	if b, ok := any(&v).(*[]byte); ok {
		*b = body // of any encoding: whoever asks for bytes gets them
		return v, nil
	}
	if c == nil {
		c = JSON{}
	}
	if encoding != c.Name() {
		return v, fmt.Errorf("mailbox: the mail is in %q, and %q is what can be read as a %v here", encoding, c.Name(), reflect.TypeFor[T]())
	}
	if err := c.Unmarshal(body, &v); err != nil {
		var zero T
		return zero, fmt.Errorf("mailbox: the mail is not a %v: %w", reflect.TypeFor[T](), err)
	}
	return v, nil
}
