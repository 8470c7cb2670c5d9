package csp

import "fmt"

// Buffer says how many values a channel holds that nobody has asked for yet, and what
// happens to a put when it holds as many as it may. The zero Buffer is [Unbuffered].
//
// The four kinds are those of core.async: buffer, dropping-buffer, sliding-buffer, and an
// unbounded one.
type Buffer struct {
	kind kind
	size int
}

type kind uint8

const (
	fixed kind = iota
	dropping
	sliding
	elastic
)

// elasticSize is what the native channel below an elastic one holds before values overflow
// into its queue: enough for a consumer that keeps up never to need the queue.
const elasticSize = 64

// Unbuffered makes a put wait until a getter takes the value from its hand.
func Unbuffered() Buffer { return Buffer{} }

// Fixed holds n values; a put into a full channel waits. Fixed(0) is [Unbuffered].
// It panics if n is negative.
func Fixed(n int) Buffer { return sized(fixed, n, 0) }

// Dropping keeps the oldest n values: a put into a full channel succeeds at once and its
// value is thrown away. It panics if n is less than one.
func Dropping(n int) Buffer { return sized(dropping, n, 1) }

// Sliding keeps the newest n values: a put into a full channel succeeds at once and throws
// away the oldest value. It panics if n is less than one.
func Sliding(n int) Buffer { return sized(sliding, n, 1) }

// Elastic holds any number of values: a put never waits and nothing is thrown away. Memory
// is the only bound, so use it where the producer is bounded by something else. While it holds
// more than a few dozen values, a goroutine hands them on: who leaves values behind for good
// should [Chan.Abort] the channel.
func Elastic() Buffer { return Buffer{kind: elastic, size: elasticSize} }

func sized(k kind, n, least int) Buffer {
	if n < least {
		panic(fmt.Sprintf("csp: a %s buffer of %d: give at least %d", k, n, least))
	}
	return Buffer{kind: k, size: n}
}

// String describes the buffer, as in "sliding(8)".
func (b Buffer) String() string {
	if b.kind == elastic {
		return b.kind.String()
	}
	return fmt.Sprintf("%s(%d)", b.kind, b.size)
}

func (k kind) String() string {
	return [...]string{"fixed", "dropping", "sliding", "elastic"}[k]
}
