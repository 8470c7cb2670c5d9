package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/internal/held"
	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// A writer writes down what became of mail: copies of what is dead or put aside first,
// acknowledgements then. What the loader has to do for the same boxes comes after that.
type writer struct {
	store  *Store
	rounds rounds
	loader loader
	jobs   []outcome // guarded by rounds.add and take
	frees  []release

	mu      sync.Mutex
	late    bool // something was settled and lost since the last flush
	inbox   string
	replies chan *nats.Msg
	serial  uint64
}

// An outcome is one that must be written down.
type outcome struct {
	held.Outcome[ref]
	box *box
}

// A release is a box to be given back.
type release struct {
	box   *box
	later time.Duration
}

func (w *writer) init(s *Store) {
	w.store = s
	w.rounds.init()
	w.loader.init(s)
	w.replies = make(chan *nats.Msg, 1024)
}

// start makes the writer work.
func (w *writer) start() error {
	if w.inbox != "" {
		return nil
	}
	inbox := w.store.nc.NewInbox()
	if _, err := w.store.nc.ChanSubscribe(inbox+".*", w.replies); err != nil {
		return err
	}
	w.inbox = inbox
	w.store.clerk.doing.Go(w.run)
	w.store.clerk.doing.Go(w.loader.run)
	return nil
}

func (w *writer) close() {}

func (w *writer) settled(b *box, done []held.Outcome[ref]) {
	w.rounds.add(func() {
		for _, o := range done {
			w.jobs = append(w.jobs, outcome{o, b})
		}
	})
}

func (w *writer) release(b *box, later time.Duration) {
	w.rounds.add(func() { w.frees = append(w.frees, release{b, later}) })
}

func (w *writer) load(b *box) { w.loader.load(b) }

func (w *writer) bump(b *box, items []*item) { w.loader.bump(b, items) }

// flush waits until all that was settled or released is safe.
func (w *writer) flush(ctx context.Context) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.late {
		w.late = false
		return mailbox.ErrLost
	}
	return nil
}

func (w *writer) settle(ctx context.Context) error {
	if err := w.rounds.settled(ctx, w.store.alive); err != nil {
		return err
	}
	return w.loader.rounds.settled(ctx, w.store.alive)
}

func (w *writer) run() {
	for {
		select {
		case <-w.store.alive.Done():
			return
		case <-w.rounds.wake:
		}
		var jobs []outcome
		var frees []release
		for w.rounds.take(func() { jobs, frees, w.jobs, w.frees = w.jobs, w.frees, nil, nil }) {
			w.write(jobs)
			for _, f := range frees {
				w.loader.release(f)
			}
			w.rounds.end()
		}
	}
}

// write writes outcomes down, as often as it takes.
func (w *writer) write(jobs []outcome) {
	s := w.store
	pause := retry.NewPause()
	for {
		jobs = w.mine(jobs)
		if len(jobs) == 0 {
			return
		}
		left, err := w.try(jobs)
		if err == nil && len(left) == 0 {
			return
		}
		if err != nil && s.alive.Err() == nil {
			s.log(fmt.Errorf("jetstream: settling mail: %w", err))
		}
		jobs = left
		if !pause.Wait(s.alive) {
			return
		}
	}
}

// mine returns the jobs whose partitions the program still has.
func (w *writer) mine(jobs []outcome) []outcome {
	kept := jobs[:0:0]
	for _, j := range jobs {
		if !j.box.part.lost.Load() {
			kept = append(kept, j)
		}
	}
	if len(kept) < len(jobs) {
		w.mu.Lock()
		w.late = true
		w.mu.Unlock()
	}
	return kept
}

// try writes outcomes down once and returns those for which that failed. It may be done
// twice: copies have names, and what has gone cannot go again.
func (w *writer) try(jobs []outcome) (left []outcome, err error) {
	ctx, cancel := w.store.attempt(w.store.alive)
	defer cancel()
	if err := w.store.connected(ctx); err != nil {
		return jobs, err
	}
	if err := w.copy(ctx, jobs); err != nil {
		return jobs, err
	}
	return w.acknowledge(ctx, jobs)
}

// copy makes the dead letters, and puts anew what is put aside.
func (w *writer) copy(ctx context.Context, jobs []outcome) error {
	s := w.store
	var futures []js.PubAckFuture
	for i := range jobs {
		j := &jobs[i]
		var m *nats.Msg
		var name string
		switch j.Verdict {
		case mailbox.Dead:
			name = fmt.Sprintf("dead-%d", j.Ref.seq)
			m = s.letterMsg(letter{address: j.box.addr.name, data: mailbox.AppendMail(nil, &j.Mail), reason: j.Reason, count: j.Tries, put: j.Put, lane: j.Lane})
		case mailbox.Aside:
			name = fmt.Sprintf("aside-%d-%d", j.Ref.seq, j.Tries)
			m = s.asideMsg(j)
		default:
			continue
		}
		f, err := s.js.PublishMsgAsync(m, js.WithMsgID(name))
		if err != nil {
			return err
		}
		futures = append(futures, f)
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *Store) asideMsg(j *outcome) *nats.Msg {
	m := &nats.Msg{Subject: s.mailSubject(j.box.addr.name, j.Lane), Data: mailbox.AppendMail(nil, &j.Mail), Header: nats.Header{}}
	m.Header.Set(putHeader, strconv.FormatInt(j.Put.UnixNano(), 10))
	m.Header.Set(triesHeader, strconv.Itoa(j.Tries))
	if time.Until(j.At) > 0 {
		m.Subject = s.laterSubject(j.box.addr.name, j.Lane)
		m.Header.Set(dueHeader, strconv.FormatInt(j.At.UnixNano(), 10))
	}
	return m
}

// acknowledge acknowledges mail and waits until the server says that it has gone. It
// returns the jobs of which it does not.
func (w *writer) acknowledge(ctx context.Context, jobs []outcome) (left []outcome, err error) {
	s := w.store
	w.serial++
	round := w.serial << 20
	pending := 0
	done := make([]bool, len(jobs))
	for i, j := range jobs {
		if !s.desk.reached(j.box.part, j.Ref.seq) {
			continue // the consumer would not know of it
		}
		pending++
		ack := j.Ref.ack
		if ack == "" {
			ack = j.box.part.ackFor(j.Ref.seq)
		}
		if err := s.nc.PublishRequest(ack, w.inbox+"."+strconv.FormatUint(round+uint64(i), 10), []byte("+ACK")); err != nil {
			return jobs, err
		}
	}
	for pending > 0 && err == nil {
		select {
		case m := <-w.replies:
			n, _ := strconv.ParseUint(m.Subject[len(w.inbox)+1:], 10, 64)
			if i := n - round; i < uint64(len(jobs)) && !done[i] {
				done[i] = m.Header.Get("Status") != "503"
				pending--
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	for i, j := range jobs {
		if !done[i] && s.discard(j.Ref.seq) != nil {
			left = append(left, j)
		} else {
			done[i] = true
		}
	}
	w.gone(jobs, done)
	return left, nil
}

// discard deletes mail that cannot be acknowledged, for the consumer has begun anew and
// did not come to it again, or did not answer.
func (s *Store) discard(seq uint64) error {
	ctx, cancel := s.attempt(s.alive)
	defer cancel()
	err := s.mail.DeleteMsg(ctx, seq)
	if errors.Is(err, js.ErrMsgNotFound) || errors.Is(err, js.ErrMsgDeleteUnsuccessful) {
		return nil
	}
	return err
}

// gone forgets what has been settled.
func (w *writer) gone(jobs []outcome, done []bool) {
	s := w.store
	seqs := map[*partition][]uint64{}
	rooms := map[string]bool{}
	for i, j := range jobs {
		if !done[i] {
			continue
		}
		p := j.box.part
		seqs[p] = append(seqs[p], j.Ref.seq)
		if j.Verdict != mailbox.Aside {
			rooms[j.box.addr.name] = true
		}
		if j.Ref.tag != 0 {
			s.forgetCount(p.n, j.Ref.seq)
		}
	}
	for p, list := range seqs {
		s.desk.gone(p, list)
	}
	s.desk.room(rooms)
}
