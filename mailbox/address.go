package mailbox

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxAddress is the greatest length of an address in bytes.
const MaxAddress = 512

// CheckAddress returns an error that wraps ErrAddress, and says what is wrong,
// unless address can be one: a path that begins with a slash and does not end
// with one, without empty segments, control characters and invalid UTF-8, of at most
// MaxAddress bytes.
func CheckAddress(address string) error {
	switch {
	case len(address) < 2 || address[0] != '/':
		return wrongAddress(address, "it must begin with a slash and go on")
	case len(address) > MaxAddress:
		return wrongAddress(address[:32]+"…", fmt.Sprintf("it must not be longer than %d bytes", MaxAddress))
	case address[len(address)-1] == '/' || strings.Contains(address, "//"):
		return wrongAddress(address, "none of its segments may be empty")
	case !utf8.ValidString(address):
		return wrongAddress(address, "it must be UTF-8")
	}
	for i := range len(address) {
		if address[i] < ' ' || address[i] == 0x7f {
			return wrongAddress(address, "it must not contain control characters")
		}
	}
	return nil
}

func wrongAddress(address, why string) error {
	return fmt.Errorf("%w: %q: %s", ErrAddress, address, why)
}

// Covers reports whether address is q.Prefix or lies below it.
func (q Query) Covers(address string) bool {
	p := strings.TrimSuffix(q.Prefix, "/")
	return strings.HasPrefix(address, p) && (len(address) == len(p) || p == "" || address[len(p)] == '/')
}

// Most returns q.Limit, or DefaultLimit in place of zero.
func (q Query) Most() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return q.Limit
}
