// Package bolt keeps mail in a file: a [mailbox.Store] without any set-up, for one
// program at a time.
//
//	store, err := bolt.Open("mail.db")
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
// again, marked, one at a time: at most what was settled in the last milliseconds.
// A machine that dies loses as little, if its disk does what it says; with [NoSync]
// it may lose the whole file.
//
// # Effectively once
//
// Boxes are [mailbox.Ledger]s. A handler whose effects are all in its state and in
// the mail that it sends does them together with the outcome, in one transaction:
//
//	err := box.(mailbox.Ledger).Commit(ctx, mailbox.Commit{
//		Outcomes: []mailbox.Outcome{{Key: delivery.Key}},
//		State:    state, SetState: true,
//		Mail:     []mailbox.Mail{{Address: "/next", Body: result}},
//	})
//
// When Commit has returned nil all of it is on the disk, and the mail does not come
// again. If the program dies before, nothing of it is there: the mail comes again
// and finds the old state. So its effect is there once, though it may be handled
// twice. For many deliveries at once, one Commit with the state after the last of
// them and all their outcomes costs as much as for one.
//
// What comes into the file from outside, or is sent out of it, is not part of a
// transaction. Mail that may be put twice, because the sender died before it knew,
// is to have an ID, which the store remembers for a time; see [Remember].
//
// # When the disk is full
//
// Put returns the error of the operating system, and the mail was not put. Nothing
// that the file holds is lost. Outcomes are kept in memory and tried again until
// there is room; [mailbox.Session.Flush] and Close tell that they have not been
// written. If the disk fails at the very end of a transaction, nobody knows whether
// that is in the file: Put returns an error all the same, and owners lose their
// addresses, to read them again.
//
// # The file
//
// It grows when mail piles up and does not shrink, but its room is used again;
// "bbolt compact" makes it smaller while no program has it open. Opening reads
// through the file twice, to see whether it is whole and to find the free pages. A
// copy that is made while a program writes is no copy. What is settled is erased
// and not overwritten: the file may show it until the room is used again.
//
// The file must lie on a disk of the machine: locks and memory maps of network file
// systems cannot be relied upon.
package bolt
