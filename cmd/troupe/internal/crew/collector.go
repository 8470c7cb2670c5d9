package crew

import (
	"errors"

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

// knock stands for a file: it tells the collector that the feeder is there, or
// that there is more mail.
const knock = -1

// collect is the body of the collector: it adds up the results, one for each
// file, and tells the leader when it has all of them.
func (c *crew) collect(self *troupe.Self[result]) (err error) {
	s := sum{records: make([]wordindex.Record, len(c.tree.Files))}
	var mail *post
	if c.Mail != nil {
		if mail, err = openPost(self, c.Mail, c.tree, &s); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, mail.close(self, &s)) }()
	}
	c.tell(self, &s)
	for m := range self.Messages() {
		r := m.Body
		switch {
		case r.file == knock:
			err = mail.fetch(self, &s, func(file int) { _ = feeder.Send(self, fresh{file}) })
		case s.has(r.file):
			c.repeats.Add(1)
		default:
			s.add(r)
			_ = feeder.Send(self, accepted{r.file}) // if it has died, all start anew
			if mail != nil {
				err = mail.settle(self, r.file, &s)
			}
			c.tell(self, &s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tell tells the leader how far the collector is.
func (c *crew) tell(self *troupe.Self[result], s *sum) {
	_ = c.leader.Send(self, Progress{Files: s.files, Bytes: s.bytes, Before: s.before})
	if s.files == len(s.records) {
		_ = c.leader.Send(self, finished{index: &s.total.Tally, records: s.records})
	}
}
