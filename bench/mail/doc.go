// Package mail measures stores of mail against the raw client of what they keep it in,
// and against others that hand out work, in one run and with the same promise about
// the disk: a sender puts a message of 100 bytes and waits until it is safe, a reader
// handles it and acknowledges it. One writer, and 64.
//
//	GOWORK=off go test -bench . -count 5
//
// A row is a [row]: add one to rows and it is measured in all ways.
package mail
