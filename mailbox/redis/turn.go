package redis

import (
	"context"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// A turner speaks with Redis for the boxes of a session. Those that want something wait
// in a list; it takes them all, asks for all of it in one go, and takes those that have
// come meanwhile. All that it asks for may be asked for twice, so that a lost connection
// does no harm.
type turner struct {
	x    *Session
	wake chan struct{}
	stop chan struct{}

	mu     sync.Mutex
	boxes  []*box
	listed map[*box]bool
	begun  uint64 // passes
	ended  uint64
	change chan struct{} // closed at the next end of a pass
	late   bool          // something was settled and lost since the last flush
}

// A job is what is asked for one box in one pass.
type job struct {
	*box
	todo
	want     [held.Lanes]int
	turn     *goredis.Cmd
	released *goredis.Cmd
}

// chunk is for how many boxes is asked in one go.
const chunk = 64

func (t *turner) init(x *Session) {
	t.x, t.wake, t.stop = x, make(chan struct{}, 1), make(chan struct{})
	t.listed, t.change = map[*box]bool{}, make(chan struct{})
}

func (t *turner) end() { close(t.stop) }

// add lists a box that wants something.
func (t *turner) add(b *box) {
	t.mu.Lock()
	if t.listed[b] {
		t.mu.Unlock()
		return
	}
	t.listed[b] = true
	t.boxes = append(t.boxes, b)
	t.mu.Unlock()
	t.kick()
}

func (t *turner) kick() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *turner) run() {
	pause := retry.NewPause()
	for {
		select {
		case <-t.stop:
			return
		case <-t.wake:
		}
		for {
			jobs := t.take()
			if len(jobs) == 0 {
				break
			}
			failed := false
			for part := range slices.Chunk(jobs, chunk) {
				failed = t.pass(part) || failed
			}
			t.finish(!failed)
			if !failed {
				pause = retry.NewPause()
			} else if !t.rest(pause) {
				return
			}
		}
	}
}

// rest waits before the next attempt, unless the turner is to stop.
func (t *turner) rest(p *retry.Pause) bool {
	select {
	case <-t.stop:
		return false
	default:
		return p.Wait(t.x.store.alive)
	}
}

// take returns what is wanted now.
func (t *turner) take() []*job {
	t.mu.Lock()
	boxes := t.boxes
	t.boxes = nil
	clear(t.listed)
	if len(boxes) > 0 {
		t.begun++
	}
	t.mu.Unlock()
	jobs := make([]*job, 0, len(boxes))
	for _, b := range boxes {
		b.mu.Lock()
		j := &job{box: b, todo: b.todo}
		b.todo = todo{}
		b.mu.Unlock()
		jobs = append(jobs, j)
	}
	return jobs
}

// finish says that a pass has ended, well or not.
func (t *turner) finish(well bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if well { // or else its jobs are in the list again, and part of the next pass
		t.ended = t.begun
	}
	close(t.change)
	t.change = make(chan struct{})
}

// pass asks Redis for some jobs. It reports whether some must be asked for again.
func (t *turner) pass(jobs []*job) (failed bool) {
	s := t.x.store
	ctx, cancel := s.during(context.Background())
	defer cancel()
	pipe := s.rdb.Pipeline()
	for _, j := range jobs {
		j.ask(ctx, pipe)
	}
	if pipe.Len() == 0 {
		return false
	}
	_, _ = pipe.Exec(ctx) // each command has its error
	forgotten := false
	for _, j := range jobs {
		err := j.error()
		switch {
		case err == nil:
			t.done(j)
			continue
		case noScript(err):
			forgotten = true
		case !s.isClosed():
			s.log(s.explain(ctx, err))
		}
		failed = true
		j.again()
		t.add(j.box)
	}
	if forgotten {
		_ = s.teach(ctx) // the next pass tells
	}
	return failed
}

// ask adds the scripts that a job needs.
func (j *job) ask(ctx context.Context, pipe goredis.Pipeliner) {
	keys := []string{j.root}
	if len(j.outcomes)+len(j.bumps) > 0 || j.load {
		args := make([]any, 0, 16+7*len(j.outcomes))
		args = append(args, j.owner, j.address, len(j.outcomes))
		for i := range j.outcomes {
			args = appendOutcome(args, &j.outcomes[i])
		}
		args = append(args, len(j.bumps))
		for _, it := range j.bumps {
			args = append(args, it.Lane+1, it.Ref.id, it.Tries+1-it.Ref.base)
		}
		j.turn = pipe.EvalSha(ctx, turnScript.sum, keys, j.appendLoad(args)...)
	}
	if j.release {
		args := []any{j.owner, j.address}
		for _, it := range j.queue.Left() {
			if it.Safe != it.Tries {
				args = append(args, it.Lane+1, it.Ref.id, it.Tries-it.Ref.base)
			}
		}
		j.released = pipe.EvalSha(ctx, releaseScript.sum, keys, args...)
	}
}

func (j *job) appendLoad(args []any) []any {
	if !j.load || j.release {
		return append(args, "0")
	}
	args = append(args, "1")
	j.want = j.queue.Want()
	for i, n := range j.want {
		mine := "0"
		if j.mine[i] {
			mine = "1"
		}
		args = append(args, n, j.from[i], mine)
	}
	return args
}

func appendOutcome(args []any, o *held.Outcome[ref]) []any {
	verdict, at := "h", int64(0)
	switch o.Verdict {
	case mailbox.Dead:
		verdict = "d"
	case mailbox.Aside:
		verdict = "a"
		if !o.At.IsZero() {
			at = (o.At.UnixNano() + 999_999) / 1_000_000
		}
	}
	return append(args, verdict, o.Lane+1, o.Ref.id, o.Put.UnixMilli(), o.Tries, at, o.Reason)
}

// error returns why a job must be done again.
func (j *job) error() error {
	for _, cmd := range []*goredis.Cmd{j.turn, j.released} {
		if cmd != nil && cmd.Err() != nil {
			return cmd.Err()
		}
	}
	return nil
}

// again leaves a job to the next pass.
func (j *job) again() {
	if j.load && j.turn != nil {
		j.unsure()
	}
	b := j.box
	b.mu.Lock()
	defer b.mu.Unlock()
	b.todo.outcomes = append(j.outcomes, b.todo.outcomes...)
	b.todo.bumps = append(j.bumps, b.todo.bumps...)
	b.todo.load = b.todo.load || j.load
	b.todo.release = b.todo.release || j.release
}

// done takes the reply to a job.
func (t *turner) done(j *job) {
	if j.turn != nil {
		switch reply := j.turn.Val().(type) {
		case []any:
			j.loaded(reply)
		case string:
			if reply == "STOPPED" {
				j.queue.Fail(mailbox.ErrStopped)
			}
			if reply == "LOST" {
				t.missed(len(j.outcomes) > 0)
				j.lose()
				return
			}
		}
		if len(j.bumps) > 0 {
			j.queue.Bumped(j.bumps)
		}
	}
	if j.released != nil {
		j.forget()
	}
}

// missed notes that something was settled too late.
func (t *turner) missed(some bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = t.late || some
}

// flush is settled, and tells if something was settled and lost.
func (t *turner) flush(ctx context.Context) error {
	if err := t.settled(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late {
		t.late = false
		return mailbox.ErrLost
	}
	return nil
}

// settled waits until all that is wanted now has been done.
func (t *turner) settled(ctx context.Context) error {
	t.mu.Lock()
	goal := t.begun
	if len(t.boxes) > 0 {
		goal++
	}
	for t.ended < goal {
		change := t.change
		t.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.stop:
			return errClosed
		}
		t.mu.Lock()
	}
	t.mu.Unlock()
	return nil
}
