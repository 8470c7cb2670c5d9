package crew

import (
	"context"
	"errors"
	"fmt"

	"github.com/troupe-go/troupe"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
	"github.com/troupe-go/troupe/mailbox"
)

// With a store, the files wait as mail at an address of it, and the collector
// owns the address. What it has counted and which files that settles are one
// step: whenever the program is killed, a file is either in the index that was
// kept, or waits.

const (
	counter    = "/files" // the address
	inHand     = 512      // mail that is fetched and not settled
	checkpoint = inHand / 2
	layAtOnce  = 1000
)

// ErrOtherTree says that a store keeps the count of other files.
var ErrOtherTree = errors.New("the count that is kept there is of other files")

// A post is what the collector has to do with mail.
type post struct {
	tree    *wordindex.Tree
	session mailbox.Session
	box     mailbox.Box
	ledger  mailbox.Ledger
	wake    func()

	numbers map[string]int    // of the files, by path
	out     map[int][]uint64  // deliveries that are not settled, by file
	counted []mailbox.Outcome // of files that are in the index and not yet in the kept one
	buffer  [inHand]mailbox.Delivery
}

// openPost takes possession of the address and adds what was counted before to
// the sum. The caller closes the session.
func openPost(self *troupe.Self[result], store mailbox.Store, tree *wordindex.Tree, s *sum) (*post, error) {
	session, err := store.Serve(context.WithoutCancel(self), mailbox.Serving{
		Accept: func(address string) bool { return address == counter },
		Window: inHand,
	})
	if err != nil {
		return nil, err
	}
	p := &post{tree: tree, session: session, numbers: map[string]int{}, out: map[int][]uint64{}}
	for i, path := range tree.Files {
		p.numbers[path] = i
	}
	me := self.Ref()
	p.wake = func() { _ = me.Send(self, result{file: knock}) } // if it has died, nobody needs it
	if err := p.open(self, store, s); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return p, nil
}

func (p *post) open(ctx context.Context, store mailbox.Store, s *sum) error {
	// An address is given to whoever serves it when it has mail.
	if err := store.Put(ctx, mailbox.Mail{Address: counter}); err != nil {
		return err
	}
	var err error
	if p.box, err = p.session.Next(ctx); err != nil {
		return err
	}
	p.ledger = p.box.(mailbox.Ledger)
	kept, err := p.ledger.State(ctx)
	if err != nil {
		return err
	}
	if kept != nil {
		if err := s.restore(kept, p.tree); err != nil {
			return err
		}
	} else if err := p.keep(ctx, s); err != nil { // first of all, whose files these are
		return err
	}
	if s.laid {
		return nil
	}
	return p.lay(ctx, store, s)
}

// lay puts all files as mail. If the program is killed in the middle, it does so
// again; the mail's ID tells what was there before.
func (p *post) lay(ctx context.Context, store mailbox.Store, s *sum) error {
	var mail []mailbox.Mail
	for i, path := range p.tree.Files {
		mail = append(mail, mailbox.Mail{Address: counter, ID: path, Encoding: "path", Body: []byte(path)})
		if len(mail) == layAtOnce || i == len(p.tree.Files)-1 {
			if err := store.Put(ctx, mail...); err != nil {
				return err
			}
			mail = mail[:0]
		}
	}
	s.laid = true
	return p.keep(ctx, s)
}

// fetch calls hand with the files that are to be counted, as many as may be in
// hand.
func (p *post) fetch(ctx context.Context, s *sum, hand func(file int)) error {
	for {
		n, err := p.box.Fetch(p.buffer[:], p.wake)
		if err != nil {
			return fmt.Errorf("the mail: %w", err)
		}
		if n == 0 {
			return nil
		}
		for i := range p.buffer[:n] {
			if err := p.take(ctx, &p.buffer[i], s, hand); err != nil {
				return err
			}
		}
	}
}

func (p *post) take(ctx context.Context, d *mailbox.Delivery, s *sum, hand func(file int)) error {
	file, known := p.numbers[string(d.Body)]
	switch {
	case !known, s.has(file):
		return p.box.Settle([]mailbox.Outcome{{Key: d.Key}})
	case d.Redelivered():
		// It was in hand when the program was killed, and now holds up what is
		// behind it. No file is poison for the program: back with it, as new mail.
		again := mailbox.Mail{Address: counter, Encoding: d.Encoding, Body: d.Body}
		return p.ledger.Commit(ctx, mailbox.Commit{Outcomes: []mailbox.Outcome{{Key: d.Key}}, Mail: []mailbox.Mail{again}})
	}
	p.out[file] = append(p.out[file], d.Key)
	if len(p.out[file]) == 1 {
		hand(file)
	}
	return nil
}

// settle is called with each file whose words are in the sum now.
func (p *post) settle(ctx context.Context, file int, s *sum) error {
	for _, key := range p.out[file] {
		p.counted = append(p.counted, mailbox.Outcome{Key: key})
	}
	delete(p.out, file)
	if len(p.counted) < checkpoint && s.files < len(s.records) {
		return nil
	}
	return p.keep(ctx, s)
}

// keep makes safe what was counted, and settles the mail that it came from, in
// one step.
func (p *post) keep(ctx context.Context, s *sum) error {
	state, err := s.save(p.tree)
	if err != nil {
		return err
	}
	err = p.ledger.Commit(ctx, mailbox.Commit{Outcomes: p.counted, State: state, SetState: true})
	p.counted = p.counted[:0]
	return err
}

// close keeps what was counted, and gives the address back.
func (p *post) close(ctx context.Context, s *sum) error {
	ctx = context.WithoutCancel(ctx)
	return errors.Join(p.keep(ctx, s), p.session.Close())
}
