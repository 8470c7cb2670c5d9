package crew

import (
	"sync/atomic"

	"github.com/troupe-go/troupe"
)

// bombs lie ready, one at most for each point; the first worker that passes the
// point takes it.
type bombs [sent + 1]atomic.Bool

func (b *bombs) lay(at point) { b[at].Store(true) }

func (b *bombs) take(at point) bool { return b[at].Load() && b[at].CompareAndSwap(true, false) }

// sabotage is the body of the saboteur. Two of three crashes come in the middle
// of a file, one comes after a result was sent, when it does the most harm to
// those who count carelessly.
func (c *crew) sabotage(self *troupe.Self[int]) error {
	self.Ref().SendEvery(self, c.CrashEvery, 0)
	n := 0
	for range self.Messages() {
		switch n++; {
		case c.Isolated:
			_ = feeder.Send(self, strike{}) // if it has died, all start anew
		case n%3 == 0:
			c.bombs.lay(sent)
		default:
			c.bombs.lay(reading)
		}
	}
	return nil
}
