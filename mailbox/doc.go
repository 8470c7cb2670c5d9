// Package mailbox is about mail that outlives its reader: what mail is, what a
// place that keeps it must be able to do, and one such place, in memory. Others
// keep mail in a file (mailbox/bolt), in Redis (mailbox/redis) and on NATS
// JetStream (mailbox/jetstream). Package station makes actors out of it.
//
// # Words
//
// An address is a path such as "/cart/42". It owns its mail: mail can be put
// there whether or not anybody serves the address, whether or not it was ever
// used before, and waits.
//
// A [Store] keeps the mail of many addresses. [Store.Put] puts mail; when it
// returns nil, the mail is as safe as the store makes it.
//
// A [Session] is one who serves addresses of a store. [Session.Next] waits until
// an address has mail that nobody handles, and gives its [Box] to this session
// alone: it owns the address until it releases it. Nobody polls a million
// addresses for mail; those that have some come by themselves.
//
// A [Delivery] is mail that was fetched from a box. The owner says what becomes
// of it with an [Outcome]: it was handled, is to come again, or is dead. Until
// then the store keeps it, and whoever owns the address next gets it again, with
// a higher [Delivery.Count].
//
// A dead letter is mail that will not be handled: it failed too often, or cannot
// be read. It stays in the store with the reason, to be listed, replayed or purged.
//
// # A box, from mail to mail
//
//	box, err := session.Next(ctx)
//	for {
//		n, err := box.Fetch(buf, wake)
//		if n == 0 {
//			… wait until wake is called, or box.Release(0)
//		}
//		for _, d := range buf[:n] {
//			handle(d.Body)
//			box.Settle([]mailbox.Outcome{{Key: d.Key}})
//		}
//	}
//
// Nothing of that waits for a disk or a network but Next: Fetch hands out what is
// at hand and promises a call when there is more, Settle is safe soon after it
// returns. So a box needs no goroutine while it has no mail, and a store may
// write many outcomes at once. Who must know that outcomes are safe calls
// [Session.Flush].
//
// # Order
//
// Mail of one address and one priority that is put one after the other is fetched
// in that order, also after a failure, a crash, or a change of owner. Mail of a
// higher priority that waits goes first. Delayed mail takes its place when it is
// due. [Retry] keeps a failed mail's place, and all behind it waits; [Aside] lets
// the others pass.
//
// # How often
//
// In memory, mail is lost with the program. Every other store delivers at least
// once: what was put is delivered until somebody settles it. Mail comes more than
// once only if its owner crashed, lost the address or asked for it; it then comes
// alone, so that a mail that crashes its reader is found, and its Count has been
// made safe before. Count is never too low. For mail that
// was fetched and not begun, each crash of a program that had fetched it may have
// added one.
//
// A box that implements [Ledger] goes further: the state of a handler, the
// outcome and the mail it sends are one step, so that the effect is as if it had
// been handled once. Those of memory and of mailbox/bolt do; there is an example
// of a collector with the latter. Mail that was put twice, because its sender was
// not sure, is one mail if it has an ID.
//
// # What a store must do
//
// Package mailboxtest states it as tests, which every store runs.
package mailbox
