package ipc

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// held makes nil of an error with which something was acquired all the same.
func held(err error) error {
	if errors.Is(err, ErrOwnerDied) {
		return nil
	}
	return err
}

func nothing(context.Context, *stage) error { return nil }

func lockOnce(ctx context.Context, s *stage) error {
	return errors.Join(held(s.Lock.Lock(ctx)), s.Lock.Unlock())
}

// untilSet does something again and again until the event is set.
func untilSet(f func(context.Context, *stage) error) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		for {
			if err := f(ctx, s); err != nil {
				return err
			}
			if set, err := s.Event.IsSet(); set || err != nil {
				return err
			}
		}
	}
}

// steppedCalls are what is killed in the middle. After each, both a process that was waiting
// all the time and one that comes now must get what they want.
var steppedCalls = []steppedCall{
	{
		name: "Lock and Unlock", before: nothing, call: lockOnce,
		meanwhile: untilSet(lockOnce), early: true, after: func(ctx context.Context, s *stage) error {
			return errors.Join(lockOnce(ctx, s), s.Event.Set())
		},
	}, {
		name: "Acquire and Release", before: nothing,
		call: func(ctx context.Context, s *stage) error {
			return errors.Join(s.Bounded.Acquire(ctx), s.Bounded.Release())
		},
		meanwhile: untilSet(acquireOnce), early: true, after: func(ctx context.Context, s *stage) error {
			return errors.Join(acquireOnce(ctx, s), s.Event.Set())
		},
	}, {
		name: "Set", before: func(_ context.Context, s *stage) error { return s.Event.Clear() },
		call:      func(_ context.Context, s *stage) error { return s.Event.Set() },
		meanwhile: func(ctx context.Context, s *stage) error { return s.Event.Wait(ctx) },
		after: func(ctx context.Context, s *stage) error {
			if set, err := s.Event.IsSet(); set || err != nil {
				return err // and who waited must know
			}
			return s.Event.Set()
		},
	}, {
		name: "Notify",
		before: func(ctx context.Context, s *stage) error {
			c := s.Condition.b.(*sharedCondition)
			for c.waiting.sum(c.Region) == 0 && ctx.Err() == nil {
			}
			return nil
		},
		call: func(_ context.Context, s *stage) error { return s.Condition.Notify(1) },
		meanwhile: func(ctx context.Context, s *stage) error {
			for {
				if err := s.Lock.Lock(ctx); err != nil {
					return err
				}
				set, err := s.Event.IsSet()
				if !set && err == nil {
					err = s.Condition.Wait(ctx)
				}
				if err := errors.Join(err, s.Lock.Unlock()); set || err != nil {
					return err
				}
			}
		}, early: true,
		after: func(ctx context.Context, s *stage) error {
			if err := s.Lock.Lock(ctx); err != nil {
				return err
			}
			return errors.Join(s.Event.Set(), s.Condition.NotifyAll(), s.Lock.Unlock())
		},
	}, {
		name: "Barrier.Wait", before: nothing, meanwhile: nothing,
		call: func(ctx context.Context, s *stage) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := s.Barrier.b.wait(ctx, nil) // arrives, and gives up
			_ = s.Barrier.Reset()
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			return err
		},
		after: func(ctx context.Context, s *stage) error {
			if err := s.Barrier.Reset(); err != nil {
				return err
			}
			other := make(chan error, 1)
			go func() { _, err := s.Barrier.Wait(ctx); other <- err }()
			_, err := s.Barrier.Wait(ctx)
			return errors.Join(err, <-other)
		},
	}, {
		name: "Update", before: nothing, meanwhile: nothing,
		call: func(ctx context.Context, s *stage) error {
			_, err := s.Pair.Update(ctx, func(v [4]int64) [4]int64 { return [4]int64{v[0] + 1, v[1] + 1, v[2] + 1, v[3] + 1} })
			return err
		},
		after: func(ctx context.Context, s *stage) error {
			v, err := s.Pair.Load(ctx)
			if v != [4]int64{v[0], v[0], v[0], v[0]} || v[0] < 1 || v[0] > 2 {
				err = fmt.Errorf("torn: %v", v)
			}
			return err
		},
	}, {
		name: "Put", before: nothing, call: func(ctx context.Context, s *stage) error { return s.Queue.Put(ctx, []byte("one")) },
		meanwhile: getAfter, early: true, after: func(ctx context.Context, s *stage) error { return s.Queue.Put(ctx, []byte("last")) },
	}, {
		name:   "Put, with a file",
		before: nothing,
		call:   func(ctx context.Context, s *stage) error { return s.Other.Put(ctx, lockOrWord{Lock: s.Lock}) },
		early:  true, meanwhile: func(ctx context.Context, s *stage) error {
			for {
				v, err := s.Other.Get(ctx)
				if v.Word == "last" || err != nil {
					return err
				}
				if err := lockThat(ctx, v.Lock); err != nil {
					return err
				}
			}
		},
		after: func(ctx context.Context, s *stage) error { return s.Other.Put(ctx, lockOrWord{Word: "last"}) },
	}, {
		name: "Get", before: func(ctx context.Context, s *stage) error { return s.Queue.Put(ctx, []byte("one")) },
		call: func(ctx context.Context, s *stage) error { _, err := s.Queue.Get(ctx); return err },
		// There is room for one, so that this waits until it was got.
		meanwhile: func(ctx context.Context, s *stage) error { return s.Queue.Put(ctx, []byte("last")) },
		after:     getAfter,
	}, {
		name: "Put, Get and Done of a task with a file", before: nothing, meanwhile: nothing,
		call: func(ctx context.Context, s *stage) error {
			if err := s.Tasks.Put(ctx, os.Stdin); err != nil {
				return err
			}
			task, err := s.Tasks.Get(ctx)
			if err != nil {
				return err
			}
			return errors.Join(task.Value.Close(), task.Done())
		},
		after: func(ctx context.Context, s *stage) error {
			for {
				task, ok, err := s.Tasks.TryGet()
				if !ok || err != nil {
					return errors.Join(err, s.Tasks.Join(ctx))
				}
				_, err = task.Value.Stat()
				if err := errors.Join(err, task.Value.Close(), task.Done()); err != nil {
					return err
				}
			}
		},
	},
}

func acquireOnce(ctx context.Context, s *stage) error {
	return errors.Join(held(s.Bounded.Acquire(ctx)), s.Bounded.Release())
}

// getAfter gets up to the last message.
func getAfter(ctx context.Context, s *stage) error {
	for {
		v, err := s.Queue.Get(ctx)
		switch {
		case err != nil:
			return err
		case string(v) == "last":
			return nil
		case string(v) != "one":
			return fmt.Errorf("torn: %q", v)
		}
	}
}

// lockThat locks a lock that came through a queue.
func lockThat(ctx context.Context, l *Lock) error {
	if l == nil {
		return errors.New("torn: no lock, and not the last")
	}
	return errors.Join(held(l.Lock(ctx)), l.Unlock(), l.Detach())
}
