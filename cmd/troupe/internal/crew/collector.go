package crew

import (
	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// A result is all that a worker found in one file. From the feeder it says that
// a file was given up.
type result struct {
	file  int
	rec   wordindex.Record
	words wordindex.Tally
}

// collect is the body of the collector: it adds up the results, one for each
// file, and tells the leader when it has all of them.
func (c *crew) collect(self *troupe.Self[result]) error {
	var (
		total   wordindex.Table
		so      Progress
		records = make([]wordindex.Record, len(c.tree.Files))
	)
	for m := range self.Messages() {
		r := m.Body
		if records[r.file].Kind != wordindex.Unseen {
			c.repeats.Add(1)
			continue
		}
		records[r.file] = r.rec
		total.Merge(r.words)
		_ = feeder.Send(self, accepted{r.file}) // if it has died, all start anew
		so.Files++
		so.Bytes += r.rec.Size
		_ = c.leader.Send(self, so)
		if so.Files == len(records) {
			_ = c.leader.Send(self, finished{index: &total.Tally, records: records})
		}
	}
	return nil
}
