// Package held is the mail of one address that a program holds in memory, for
// stores that keep it elsewhere, over a network.
//
// A [Queue] is filled by its store with [Queue.Add] and emptied by the owner of the
// address with Fetch and Settle, as mailbox.Box describes them. It knows the order:
// a lane for each priority, mail that comes again in its place and alone, and never
// before the store has written down that it does. What must be written down it
// hands to its [Source], which does so in its own time.
//
// An [Item] counts twice. Tries is how often the mail was handed to an owner and
// not given back; Safe is what the store has written down of that, and is ahead of
// Tries while the mail is out.
package held
