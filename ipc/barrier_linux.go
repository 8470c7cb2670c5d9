package ipc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/troupe-go/troupe/internal/shm"
	"github.com/troupe-go/troupe/internal/wire"
)

// A sharedBarrier goes through generations: parties arrive, the last acts, and the next
// generation begins. Where it is and how the last generations ended is one word, so that a
// change is one store:
//
//	bits  0–1   phase: filling, acting, broken
//	bits  2–31  the generation
//	bits 32–63  how the 32 generations before ended, the last in the lowest bit: 1 for broken
//
// Who has arrived is a row for each process. A row counts only with the generation of the
// barrier, which is in its number, so that all of them change with that one store. Rows of
// generations before are cleared afterwards.
type sharedBarrier struct {
	guarded
	parties *atomic.Uint64
	word    *atomic.Uint64
	actor   *atomic.Uint64
	rows    tally
}

const (
	filling = iota
	acting
	broken
	phaseMask = 3

	genShift, genMask = 2, 1<<30 - 1
	pastShift         = 32
	arrivedBits       = 20 // of a row's number; above them, the lower bits of the generation
)

var barrierLayout = shm.Layout{Kind: regionBarrier, Size: guardedState + 64 + tallySize, Bells: 1}

func makeBarrier(parties int) (barrierBackend, error) {
	s, err := newSharedBarrier(newShared(shm.Create(barrierLayout)))
	if err != nil {
		return nil, err
	}
	s.parties.Store(uint64(parties))
	return s, nil
}

func openBarrier(d *wire.Decoder) (barrierBackend, error) {
	return newSharedBarrier(openShared(d, barrierLayout))
}

func newSharedBarrier(s *shared, err error) (*sharedBarrier, error) {
	g, err := newGuarded(s, err)
	if err != nil {
		return nil, err
	}
	w := g.Words(guardedState, 3)
	b := &sharedBarrier{g, &w[0], &w[1], &w[2], g.Words(guardedState+64, shm.MaxSlots)}
	b.repair = b.forget
	return b, nil
}

func (s *sharedBarrier) phase() uint64      { return s.word.Load() & phaseMask }
func (s *sharedBarrier) generation() uint64 { return s.word.Load() >> genShift & genMask }

// change stores a new phase of this generation.
func (s *sharedBarrier) change(phase uint64) { s.word.Store(s.word.Load()&^phaseMask | phase) }

// advance begins the next generation. failed says how this one ended: 0 or 1.
func (s *sharedBarrier) advance(failed uint64) {
	past := s.word.Load() >> pastShift
	s.word.Store((past<<1|failed)<<pastShift | (s.generation()+1)&genMask<<genShift) // and filling, which is 0
	s.forget()
}

// forget clears the rows of generations before this one.
func (s *sharedBarrier) forget() {
	s.rows.each(s.Region, func(o shm.Owner, number int) bool {
		if s.arrived(number) == 0 {
			s.rows.set(o, 0)
		}
		return true
	})
}

// arrived is how many of a row's process have arrived in this generation.
func (s *sharedBarrier) arrived(number int) int {
	if uint64(number)>>arrivedBits != s.generation()&(1<<(32-arrivedBits)-1) {
		return 0
	}
	return number & (1<<arrivedBits - 1)
}

// count counts who has arrived, and has them watched. It breaks the barrier if one of them is
// dead. The state is locked.
func (s *sharedBarrier) count() (n int, err error) {
	s.rows.each(s.Region, func(o shm.Owner, number int) bool {
		k, alive := s.arrived(number), true
		if k > 0 {
			alive, err = s.Alive(o)
		}
		if n += k; !alive && err == nil {
			s.smash()
		}
		return err == nil
	})
	if actor := shm.Owner(s.actor.Load()); err == nil && s.phase() == acting {
		var alive bool
		if alive, err = s.Alive(actor); err == nil && !alive {
			s.smash()
		}
	}
	return n, err
}

// smash breaks the barrier for this generation. The state is locked.
func (s *sharedBarrier) smash() {
	s.mark.Ring()
	s.change(broken)
}

func (s *sharedBarrier) wait(ctx context.Context, action func() error) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	n, err := s.count()
	for ; err == nil && s.phase() == acting; n, err = s.count() { // one more than the parties
		if err := s.sleep(ctx); err != nil {
			return 0, err
		}
	}
	if err == nil && s.phase() == broken {
		err = ErrBroken
	}
	if err != nil {
		s.leave()
		return 0, err
	}
	if n+1 < int(s.parties.Load()) {
		s.mark.Ring() // for those who wait to watch this process too
		s.arrive()
		return n, s.await(ctx, s.generation())
	}
	return n, s.act(action)
}

// arrive counts this party in. It is one store.
func (s *sharedBarrier) arrive() {
	before := 0
	if me := s.Self(); !s.rows.stale(me) {
		before = s.arrived(s.rows.of(me))
	}
	tag := s.generation() & (1<<(32-arrivedBits) - 1)
	s.rows.set(s.Self(), int(tag)<<arrivedBits|before+1)
}

// await waits for the end of generation g. The state is locked, and unlocked in the end.
func (s *sharedBarrier) await(ctx context.Context, g uint64) error {
	for {
		if ended, err := s.outcome(g); ended {
			s.leave()
			return err
		}
		_, err := s.count()
		if err == nil && s.phase() == broken {
			err = ErrBroken
		}
		if err != nil {
			s.leave()
			return err
		}
		if err := s.sleep(ctx); err != nil {
			return s.giveUp(g, err)
		}
	}
}

// outcome tells whether generation g has ended, and how.
func (s *sharedBarrier) outcome(g uint64) (ended bool, err error) {
	age := (s.generation() - g) & genMask
	if age > 0 && age <= 32 && s.word.Load()>>pastShift>>(age-1)&1 != 0 {
		err = ErrBroken
	}
	return age > 0, err
}

// giveUp is for a party whose wait ended with err: it breaks the barrier, unless all have come.
func (s *sharedBarrier) giveUp(g uint64, err error) error {
	smash := func() {
		if ended, _ := s.outcome(g); !ended {
			s.smash()
		}
	}
	if !s.enterNow() {
		s.later(smash)
		return err
	}
	defer s.leave()
	if ended, err := s.outcome(g); ended {
		return err
	}
	smash()
	return err
}

// act is the part of the last. The state is locked, and unlocked in the end.
func (s *sharedBarrier) act(action func() error) error {
	if action == nil {
		s.mark.Ring()
		s.advance(0)
		s.leave()
		return nil
	}
	g := s.generation()
	s.actor.Store(uint64(s.Self()))
	s.mark.Ring() // for those who wait to watch this process too
	s.change(acting)
	s.leave()
	failed := run(action)
	if err := s.enter(context.Background()); err != nil {
		return err
	}
	defer s.leave()
	switch {
	case s.generation() != g || s.phase() != acting: // aborted, or reset
		return errors.Join(ErrBroken, failed)
	case failed != nil:
		s.smash()
		return failed
	}
	s.mark.Ring()
	s.advance(0)
	return nil
}

// run makes an error of a panic.
func run(action func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("ipc: the barrier's action panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return action()
}

func (s *sharedBarrier) mend(whole bool) error {
	if err := s.enter(context.Background()); err != nil {
		return err
	}
	defer s.leave()
	n, err := s.count()
	switch {
	case err != nil:
		return err
	case !whole:
		s.smash()
	case n > 0 || s.phase() != filling:
		s.mark.Ring()
		s.advance(1)
	}
	return nil
}

func (s *sharedBarrier) state() (waiting int, isBroken bool, err error) {
	if err := s.enter(context.Background()); err != nil {
		return 0, false, err
	}
	defer s.leave()
	waiting, err = s.count()
	if isBroken = s.phase() == broken; isBroken {
		waiting = 0
	}
	return waiting, isBroken, err
}
