package crew

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

// work is the body of a worker: it counts one file after the other, each into a
// table of its own. It knows nothing about crashes but that they happen to it.
func (c *crew) work(self *troupe.Self[troupe.None], feeder troupe.Ref[order], collector troupe.Ref[result]) error {
	var (
		table  wordindex.Table
		reader wordindex.Reader
		doing  job
	)
	reader.Pause = func() { c.mayCrash(reading, doing) }
	for {
		var err error
		if doing, err = troupe.AskWith(self, feeder, askNext, troupe.None{}); err != nil {
			return told(self, err)
		}
		rec, err := reader.Tally(self, doing.Path, &table)
		if err != nil {
			return told(self, err)
		}
		if err := collector.Send(self, result{file: doing.File, rec: rec, words: table.Copy()}); err != nil {
			return told(self, err)
		}
		c.mayCrash(sent, doing)
	}
}

// told returns nil for an error that came because the process was told to end.
func told(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// A point is a place in the work at which a crash does harm if anything can.
type point int

const (
	reading point = iota // in the middle of a file
	sent                 // after the result was sent, before the next file
)

var (
	errSabotage = errors.New("the saboteur was here")
	errPoison   = errors.New("this file is poison")
)

// mayCrash panics if that is wanted at this point.
func (c *crew) mayCrash(at point, j job) {
	if !j.Spared && (c.bombs.take(at) || c.hurt != nil && c.hurt(at, j.Path)) {
		panic(errSabotage)
	}
	if at == reading && c.Poison != "" {
		if hit, _ := filepath.Match(c.Poison, filepath.Base(j.Path)); hit {
			panic(errPoison)
		}
	}
}
