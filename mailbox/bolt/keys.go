package bolt

import (
	"encoding/binary"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// The file's buckets. The key of mail is its address, a zero byte, its lane and
// its number: numbers are given in the order in which mail comes, to all addresses
// together, and never again.
type table int

const (
	meta    table = iota // "version"
	mail                 // key of mail → record
	tried                // key of mail → how often it may have been delivered
	out                  // address, 0, lane → all up to this number may have been delivered
	late                 // key of mail → record, of mail that is not due
	due                  // when it is due, key of mail
	ids                  // address, 0, ID → when to forget it
	forget               // when to forget it, address, 0, ID
	stopped              // address
	dead                 // number → letter
	state                // address → what a Ledger keeps
	tables
)

var names = [tables]string{
	"meta", "mail", "tried", "out", "late", "due", "ids", "forget", "stopped", "dead", "state",
}

const (
	formatVersion = 1
	lanes         = 3
	keyTail       = 1 + 1 + 8 // zero, lane, number
)

// mailKey returns the key of mail.
func mailKey(address string, lane int, number uint64) []byte {
	k := make([]byte, 0, len(address)+keyTail)
	k = append(k, address...)
	k = append(k, 0, byte(lane))
	return binary.BigEndian.AppendUint64(k, number)
}

// laneKey returns what the keys of a lane begin with.
func laneKey(address string, lane int) []byte {
	k := make([]byte, 0, len(address)+2)
	k = append(k, address...)
	return append(k, 0, byte(lane))
}

// addressKey returns what the keys of an address begin with.
func addressKey(address string) []byte {
	k := make([]byte, 0, len(address)+1)
	k = append(k, address...)
	return append(k, 0)
}

// behind returns what lies behind all keys of an address and before those of the
// next.
func behind(address string) []byte {
	k := make([]byte, 0, len(address)+1)
	k = append(k, address...)
	return append(k, 1)
}

// split takes a key of mail apart.
func split(key []byte) (address []byte, lane int, number uint64, ok bool) {
	at := len(key) - keyTail
	if at < 0 || key[at] != 0 || key[at+1] >= lanes {
		return nil, 0, 0, false
	}
	return key[:at], int(key[at+1]), binary.BigEndian.Uint64(key[at+2:]), true
}

// timeKey returns a time, in Unix nanoseconds, and a key behind it.
func timeKey(at int64, key []byte) []byte {
	k := make([]byte, 0, 8+len(key))
	k = binary.BigEndian.AppendUint64(k, uint64(at)^1<<63) // so that times before 1970 sort as well
	return append(k, key...)
}

func keyTime(k []byte) int64 { return int64(binary.BigEndian.Uint64(k) ^ 1<<63) }

// A record is how often mail may have been delivered, when it was put, and the
// mail.
const recordHead = 1 + 8

func newRecord(m *mailbox.Mail, put time.Time, count int) []byte {
	b := make([]byte, 0, recordHead+64+len(m.Body))
	b = append(b, byte(min(count, maxCount)))
	b = binary.BigEndian.AppendUint64(b, uint64(put.UnixNano()))
	return mailbox.AppendMail(b, m)
}

// maxCount is where counting ends.
const maxCount = 255

func recordCount(rec []byte) int { return int(rec[0]) }

func recordPut(rec []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(rec[1:])))
}

// openRecord reads a record. The mail's body shares memory with it.
func openRecord(rec []byte) (m mailbox.Mail, put time.Time, err error) {
	if len(rec) < recordHead {
		_, err = mailbox.ParseMail(nil)
		return m, put, err
	}
	m, err = mailbox.ParseMail(rec[recordHead:])
	return m, recordPut(rec), err
}

// A letter is how a dead letter lies in the file: the lengths of address and
// reason, when it died, how often it was delivered, when it was put, and the rest.
func newLetter(address, reason string, died time.Time, rec []byte) []byte {
	b := make([]byte, 0, 24+len(address)+len(reason)+len(rec))
	b = binary.AppendUvarint(b, uint64(len(address)))
	b = binary.AppendUvarint(b, uint64(len(reason)))
	b = binary.AppendVarint(b, died.UnixNano())
	b = append(b, address...)
	b = append(b, reason...)
	return append(b, rec...)
}

// openLetter reads what newLetter wrote.
func openLetter(b []byte) (d mailbox.DeadLetter, err error) {
	nAddress, n1 := binary.Uvarint(b)
	nReason, n2 := binary.Uvarint(b[max(n1, 0):])
	died, n3 := binary.Varint(b[max(n1, 0)+max(n2, 0):])
	at := uint64(n1 + n2 + n3)
	if n1 <= 0 || n2 <= 0 || n3 <= 0 || nAddress > uint64(len(b)) || nReason > uint64(len(b)) ||
		at+nAddress+nReason+recordHead > uint64(len(b)) {
		_, err := mailbox.ParseMail(nil)
		return d, err
	}
	rec := b[at+nAddress+nReason:]
	d.Mail, d.Put, err = openRecord(rec)
	d.Address = string(b[at : at+nAddress])
	d.Reason = string(b[at+nAddress : at+nAddress+nReason])
	d.Died, d.Count = time.Unix(0, died), recordCount(rec)
	return d, err
}
