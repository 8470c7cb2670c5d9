package pool

import (
	"testing"

	"github.com/troupe-go/troupe/internal/wire"
)

// nothing is a work that nobody waits for anything of.
type nothing struct{}

func (nothing) Encode(*wire.Encoder, int, int) error { return nil }
func (nothing) Decode(*wire.Decoder, int, int) error { return nil }
func (nothing) Fail(int, error)                      {}
func (nothing) Finish(int, int)                      {}
func (nothing) Gone() bool                           { return false }

// What a worker has not begun is taken back whole, also when the task that it seems to be running
// was answered already; and who has nothing left is not waited for.
func TestGiveBack(t *testing.T) {
	for name, c := range map[string]struct {
		done, load int
		queued     []span
		left       int
	}{
		"task 4 runs":          {4, 10, []span{{from: 5, to: 10}, {from: 0, to: 4}}, 1},
		"task 4 was answered":  {5, 9, []span{{from: 5, to: 10}, {from: 0, to: 4}}, 0},
		"tasks 2 to 4 are out": {2, 12, []span{{from: 5, to: 10}, {from: 0, to: 4}}, 3},
	} {
		parent, worker := both(t, 1)
		p := &Pool{cfg: Config{Concurrency: 1}}
		m := &member{pool: p, words: parent, marks: make([]uint64, 1), number: 14, load: c.load}
		m.sent = []sent{
			{span: span{work: nothing{}, to: 10}, done: c.done},
			{span: span{work: nothing{}, to: 4}, number: 10},
		}
		if !worker.claim(0, 10) {
			t.Fatal("the first span cannot be claimed")
		}
		x := &Executor{s: &server{words: worker}, line: &worker.lines[1]}
		x.Begin(4)
		p.mu.Lock()
		m.giveBack()
		p.mu.Unlock()
		if m.load != c.left || m.slow != (c.left > 0) {
			t.Errorf("%s: it is left with %d tasks, slow: %v", name, m.load, m.slow)
		}
		for _, want := range c.queued {
			if p.queue.len() == 0 {
				t.Errorf("%s: %v was not taken back", name, want)
				break
			}
			if got := p.queue.popFront(); got.from != want.from || got.to != want.to {
				t.Errorf("%s: %v instead of %v", name, got, want)
			}
		}
		if p.queue.len() > 0 || x.Begin(5) || worker.claim(10, 4) {
			t.Errorf("%s: something else can be begun, or was taken back", name)
		}
	}
}
