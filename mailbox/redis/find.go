package redis

import (
	"context"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

// A finder looks for addresses that its session may own, when somebody asks for one. In
// Redis they are in a sorted set, in the order in which they began to wait. The finder
// remembers how far it has looked: what it left there it does not accept, and what comes
// later comes behind.
type finder struct {
	x    *Session
	kick chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	cursors []string             // how far, for each partition
	again   bool                 // begin at the beginning
	rests   map[string]time.Time // addresses that were released for later
	rested  []string             // those of them whose time has come
	news    map[string]bool      // mail came for these while they were being claimed

	batch int // how many to claim at once
}

func (f *finder) init(x *Session) {
	f.x, f.kick, f.batch = x, make(chan struct{}, 1), 1
	f.cursors = make([]string, len(x.store.roots))
	f.again = true
	f.rests = map[string]time.Time{}
	f.done.Add(1)
}

// mostOffers is how many addresses a session owns before Next asks for them, at most.
const mostOffers = 64

// page is how many addresses are looked at in one go.
const page = 128

// look makes the finder look for more.
func (x *Session) look() {
	select {
	case x.find.kick <- struct{}{}:
	default:
	}
}

// lookAgain makes the finder look from the beginning.
func (x *Session) lookAgain() {
	x.find.mu.Lock()
	x.find.again = true
	x.find.mu.Unlock()
	x.look()
}

// early notes that mail came for an address that is not known to be owned: it may just
// have been claimed.
func (x *Session) early(address string) {
	x.find.mu.Lock()
	defer x.find.mu.Unlock()
	if x.find.news != nil {
		x.find.news[address] = true
	}
}

// rest keeps an address from being returned before later has passed.
func (f *finder) rest(address string, later time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := time.Now().Add(later)
	f.rests[address] = at
	time.AfterFunc(later, func() {
		f.mu.Lock()
		if f.rests[address].Equal(at) {
			delete(f.rests, address)
			f.rested = append(f.rested, address)
		}
		f.mu.Unlock()
		f.x.look()
	})
}

func (f *finder) run() {
	defer f.done.Done()
	for {
		select {
		case <-f.x.alive.Done():
			return
		case <-f.kick:
		}
		pause := retry.NewPause()
		for f.wanted() {
			found, err := f.round()
			if err != nil && !pause.Wait(f.x.alive) {
				return
			}
			if err == nil && !found {
				break
			}
		}
	}
}

// wanted reports whether somebody asks for an address and there is none.
func (f *finder) wanted() bool {
	f.x.mu.Lock()
	defer f.x.mu.Unlock()
	return f.x.alive.Err() == nil && f.x.name != "" && f.x.asked > 0 && len(f.x.offers) == 0
}

// round looks once through all partitions, until it has found something.
func (f *finder) round() (found bool, err error) {
	f.mu.Lock()
	if f.again {
		for i := range f.cursors {
			f.cursors[i] = "-inf"
		}
		f.again = false
	}
	rested := f.rested
	f.rested = nil
	f.mu.Unlock()
	total := 0
	for part, names := range f.byPartition(rested) {
		n, err := f.claim(part, names)
		if total += n; err != nil {
			f.x.lookAgain()
			return total > 0, err
		}
	}
	for part := range f.cursors {
		for more := true; more && total < f.batch; {
			names, n := []string(nil), 0
			if names, more, err = f.scan(part, f.batch-total); err != nil {
				return total > 0, err
			}
			if n, err = f.claim(part, names); err != nil {
				f.x.lookAgain()
				return total > 0, err
			}
			total += n
		}
	}
	if total >= f.batch {
		f.batch = min(2*f.batch, mostOffers)
	} else {
		f.batch = 1
	}
	return total > 0, nil
}

func (f *finder) byPartition(names []string) map[int][]string {
	parts := map[int][]string{}
	for _, a := range names {
		p := f.x.store.partition(a)
		parts[p] = append(parts[p], a)
	}
	return parts
}

// scan returns up to n addresses of a partition behind the cursor that are to be
// claimed, and whether there may be more.
func (f *finder) scan(part, n int) (names []string, more bool, err error) {
	s := f.x.store
	f.mu.Lock()
	cursor := f.cursors[part]
	f.mu.Unlock()
	ctx, cancel := s.during(f.x.alive)
	defer cancel()
	list, err := s.rdb.ZRangeByScoreWithScores(ctx, s.roots[part]+":ready", &goredis.ZRangeBy{Min: cursor, Max: "+inf", Count: page}).Result()
	if err != nil {
		return nil, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, z := range list {
		cursor = "(" + formatScore(z.Score)
		a, _ := z.Member.(string)
		if _, resting := f.rests[a]; !resting && f.x.accept(a) {
			if names = append(names, a); len(names) == n {
				more = true
				break
			}
		}
	}
	if !f.again {
		f.cursors[part] = cursor
	}
	return names, more || len(list) == page, nil
}

// claim makes the session the owner of addresses, as far as they are to be had, and
// offers them to Next.
func (f *finder) claim(part int, names []string) (int, error) {
	if len(names) == 0 {
		return 0, nil
	}
	x, s := f.x, f.x.store
	owner := x.called()
	f.mu.Lock()
	f.news = map[string]bool{}
	f.mu.Unlock()
	args := []any{owner, x.window, "0"}
	for _, a := range names {
		args = append(args, a)
	}
	var reply any
	err := s.insist(x.alive, func(ctx context.Context) (err error) {
		reply, err = s.rdb.EvalSha(ctx, claimScript.sum, []string{s.roots[part]}, args...).Result()
		args[2] = "1" // if there is no reply, some may be ours already
		return err
	})
	list, ok := reply.([]any)
	if err != nil || !ok {
		return 0, err // a lost session finds out by itself
	}
	n := 0
	for i, a := range names {
		if loaded, ok := list[i].([]any); ok {
			f.own(owner, part, a, loaded)
			n++
		}
	}
	f.mu.Lock()
	f.news = nil
	f.mu.Unlock()
	return n, nil
}

// own makes a box for an address that was claimed.
func (f *finder) own(owner string, part int, address string, loaded []any) {
	x, s := f.x, f.x.store
	b := newBox(x, owner, s.roots[part], address)
	b.loaded(loaded)
	s.mu.Lock()
	s.boxes[address] = b // from now on it hears of mail
	s.mu.Unlock()
	f.mu.Lock()
	news := f.news[address]
	f.mu.Unlock()
	if news {
		b.queue.More(0, 1, 2)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.name != owner {
		go b.lose()
		return
	}
	if len(x.offers) == 0 {
		x.since = time.Now()
	}
	x.offers = append(x.offers, b)
	x.signal()
}
