// Package bolt keeps mail in a file: a [mailbox.Store] without any set-up, for one
// program at a time.
//
//	mail, err := bolt.Open("mail.db")
//
// The file is one of go.etcd.io/bbolt. What is put at the same time by many
// goroutines is written in one go; outcomes ride along with the next mail, or wait
// for a few milliseconds. Addresses without mail take no memory, and those with
// mail that waits take none either.
//
// # What is promised
//
// Put returns when the mail is on the disk. A program that is killed at any instant
// loses nothing that was put, and what was handled and not yet written down comes
// again, marked, one at a time: at most what was fetched in the last milliseconds.
// A machine that dies loses as little, if its disk does what it says; with [NoSync]
// it may lose the whole file.
//
// Boxes are [mailbox.Ledger]s: state, outcome and outgoing mail in one step. A
// handler whose effects are all in there works as if each mail were delivered once.
//
// # When the disk is full
//
// Put returns the error of the operating system, and the mail was not put. Nothing
// that the file holds is lost. Outcomes are kept in memory and tried again until
// there is room; [mailbox.Session.Flush] and Close tell that they have not been
// written.
//
// # The file
//
// It grows when mail piles up and does not shrink, but its room is used again;
// "bbolt compact" makes it smaller while no program has it open. Opening reads
// through the file's pages once to find the free ones. Delivered mail is erased,
// not overwritten: the file may show it until the room is used again.
package bolt
