// Package jetstream keeps mail in NATS JetStream: a mailbox.Store that several programs
// can share.
//
//	mail, err := jetstream.Open("mail")                     // a server in this program
//	mail, err := jetstream.Connect("nats://127.0.0.1:4222") // one or more elsewhere
//
// # Words
//
// All mail lies in one stream, a work queue: what is acknowledged is gone. Its subjects
// are the addresses, divided among a fixed number of partitions; see [Partitions]. A
// program that serves has some of the partitions, all of them if it is alone, for as long
// as it renews its lease, and reads each of them through one consumer of its own. What
// comes to an address that nobody has taken yet it holds in memory, up to a limit, and
// reads again later what is beyond that.
//
// Who has which partition, which addresses are stopped, and how often mail that comes
// again was delivered is in a key-value bucket. Delayed mail and dead letters have streams
// of their own.
//
// # Order
//
// A consumer of JetStream that goes on after a crash delivers what its last reader had
// later than what follows it. So one is made anew with each change of owner, and begins
// anew with each new connection; what the program holds already is passed over. There is
// no MaxDeliver: JetStream would stop to deliver mail beyond it and leave it in the stream.
// How often mail is tried is up to who handles it: he makes a dead letter of it.
//
// What was handed out and is not settled after a crash comes again, marked. That mark is
// written ahead of the mail, so mail that is put before the next program has taken over may
// be marked too although nobody had it.
//
// # How safe mail is
//
// The server of [Open] writes each message and each acknowledgement to the disk before it
// answers. Any other does so every two minutes unless it is configured with
//
//	jetstream { sync_interval: always }
//
// and a single one should be; in a cluster see [Replicas]. Many senders share one write.
//
// IDs of mail are remembered by the server, in memory. When it starts again it finds those
// of mail that waits; an ID whose mail was handled before may be taken anew then.
//
// # When the server is away
//
// Put and all other calls try again, with growing pauses, until their context ends or the
// patience of the store; see [Patience]. A program that cannot renew its lease in time
// loses its partitions and begins anew when the server is back.
//
// A server that may not store more refuses everything, what is needed to hand out mail
// too: give it room. Nothing is lost meanwhile.
//
// # What it cannot do
//
// Dropping the oldest mail of a full address is not possible, for its owner may have it
// already: Put returns mailbox.ErrUnsupported for troupe.DropOldest. There is no
// mailbox.Ledger: a step that changes several streams is not one.
package jetstream
