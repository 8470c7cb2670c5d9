// Command mail measures stores of mail against the raw client of what they keep it in,
// and against others that hand out work, in one run and with the same promise about
// the disk: a sender puts a message of 100 bytes and waits until it is safe, a reader
// handles it and acknowledges it. One writer, and 64.
//
//	GOWORK=off go run . -o ../../docs/benchmarks-mail.md
//
// Both sides of a row are measured in turn, several times, and what is shown is the median
// of each and of their ratios. A row is in rows: add one there.
package main
