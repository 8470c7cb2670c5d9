package mailbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// How stores of bytes write mail down: a version, a set of the fields that are
// there, and those fields. Lengths and times are varints. What the store has
// elsewhere, or need not keep, is left out: Address, Value, Limit, Full.

const mailVersion = 1

const (
	hasID = 1 << iota
	hasPriority
	hasDue
	hasExpires
	hasFrom
	hasFlow
	hasHop
	hasReplyTo
	hasEncoding
)

var errMail = errors.New("mailbox: not mail")

// AppendMail appends m to b in the form that [ParseMail] reads: all but Address,
// Value, Limit and Full. Stores may use it.
func AppendMail(b []byte, m *Mail) []byte {
	at := len(b) + 1
	b = append(b, mailVersion, 0, 0)
	var has uint16
	text := func(field uint16, s string) {
		if s != "" {
			has |= field
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	number := func(field uint16, there bool, n int64) {
		if there {
			has |= field
			b = binary.AppendVarint(b, n)
		}
	}
	text(hasID, m.ID)
	number(hasPriority, m.Priority != 0, int64(m.Priority))
	number(hasDue, !m.Due.IsZero(), nanos(m.Due))
	number(hasExpires, !m.Expires.IsZero(), nanos(m.Expires))
	text(hasFrom, m.From)
	text(hasFlow, m.Flow)
	number(hasHop, m.Hop != 0, int64(m.Hop))
	text(hasReplyTo, m.ReplyTo)
	text(hasEncoding, m.Encoding)
	binary.LittleEndian.PutUint16(b[at:], has)
	return append(b, m.Body...)
}

// nanos returns t in Unix nanoseconds; what these cannot say is as far as they go.
func nanos(t time.Time) int64 {
	switch {
	case !t.Before(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	case !t.After(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	}
	return t.UnixNano()
}

// ParseMail reads what [AppendMail] wrote. Body shares memory with b. It returns
// an error for anything that AppendMail cannot have written.
func ParseMail(b []byte) (Mail, error) {
	var m Mail
	if len(b) < 3 {
		return m, fmt.Errorf("%w: it is cut short", errMail)
	}
	if b[0] != mailVersion {
		return m, fmt.Errorf("%w: version %d is not known: it was written by a newer program", errMail, b[0])
	}
	r := mailReader{has: binary.LittleEndian.Uint16(b[1:]), rest: b[3:]}
	m.ID = r.text(hasID)
	m.Priority = Priority(r.number(hasPriority))
	m.Due = r.time(hasDue)
	m.Expires = r.time(hasExpires)
	m.From = r.text(hasFrom)
	m.Flow = r.text(hasFlow)
	m.Hop = int(r.number(hasHop))
	m.ReplyTo = r.text(hasReplyTo)
	m.Encoding = r.text(hasEncoding)
	m.Body = r.rest
	if r.bad || r.has >= hasEncoding<<1 {
		return Mail{}, fmt.Errorf("%w: it is damaged", errMail)
	}
	return m, nil
}

type mailReader struct {
	has  uint16
	rest []byte
	bad  bool
}

func (r *mailReader) text(field uint16) string {
	if r.has&field == 0 {
		return ""
	}
	n, used := binary.Uvarint(r.rest)
	if used <= 0 || n > uint64(len(r.rest)-used) {
		r.bad = true
		return ""
	}
	s := string(r.rest[used : used+int(n)])
	r.rest = r.rest[used+int(n):]
	return s
}

func (r *mailReader) number(field uint16) int64 {
	if r.has&field == 0 {
		return 0
	}
	n, used := binary.Varint(r.rest)
	if used <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[used:]
	return n
}

func (r *mailReader) time(field uint16) time.Time {
	if r.has&field == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.number(field))
}
