// Package mailboxtest states what a [mailbox.Store] must do, as tests. Whoever
// writes a store runs them:
//
//	func TestStore(t *testing.T) {
//		mailboxtest.Run(t, func(t *testing.T) mailboxtest.Place {
//			dir := t.TempDir()
//			return mailboxtest.Place{
//				Open:  func(t *testing.T) mailbox.Store { return open(t, dir) },
//				Crash: func(t *testing.T, s mailbox.Store) { s.(*Store).crash() },
//			}
//		})
//	}
//
// The tests do not sleep: they wait for mail, and where nothing must come, for
// other mail that was put later. Delays are some tens of milliseconds.
package mailboxtest
