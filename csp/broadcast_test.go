package csp_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/troupe-go/troupe/csp"
)

func TestBroadcastToAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[int](csp.Unbuffered())
		b := csp.NewBroadcast(bg, in)
		results := make(chan []int)
		for range 5 {
			tap := b.Tap(csp.Unbuffered())
			go func() { results <- collect(tap) }()
		}
		_, _ = in.Add(bg, count(100)...)
		in.Close()
		for range 5 {
			equal(t, <-results, count(100))
		}
	})
}

func TestBroadcastWithoutTapsThrowsAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[int](csp.Unbuffered())
		b := csp.NewBroadcast(bg, in)
		_, _ = in.Add(bg, 1, 2)
		synctest.Wait()
		tap := b.Tap(csp.Fixed(1))
		_ = in.Put(bg, 3)
		in.Close()
		equal(t, collect(tap), []int{3})
	})
}

func TestBroadcastWaitsForTheSlowest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[int](csp.Unbuffered())
		b := csp.NewBroadcast(bg, in)
		slow, quick, lossy := b.Tap(csp.Unbuffered()), b.Tap(csp.Fixed(9)), b.Tap(csp.Sliding(1))
		go func() {
			_, _ = in.Add(bg, count(3)...)
			in.Close()
		}()
		synctest.Wait()
		if quick.Len() != 1 || lossy.Len() != 1 {
			t.Fatal("taps with room must not wait for the slow one:", quick.Len(), lossy.Len())
		}
		slow.Get(bg)
		synctest.Wait()
		if quick.Len() != 2 {
			t.Fatal("the next value did not follow:", quick.Len())
		}
		equal(t, collect(slow), []int{1, 2})
		equal(t, collect(quick), []int{0, 1, 2})
		equal(t, collect(lossy), []int{2})
	})
}

func TestUntapFreesABroadcastThatWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[int](csp.Unbuffered())
		b := csp.NewBroadcast(bg, in)
		stuck, closed, good := b.Tap(csp.Unbuffered()), b.Tap(csp.Unbuffered()), b.Tap(csp.Fixed(2))
		go func() {
			_, _ = in.Add(bg, 1, 2)
			in.Close()
		}()
		synctest.Wait()
		if !b.Untap(stuck) || b.Untap(stuck) {
			t.Fatal("untap does not know its taps")
		}
		closed.Close()
		equal(t, collect(good), []int{1, 2})
		if stuck.Closed() {
			t.Fatal("untap closed the channel")
		}
	})
}

func TestUntapAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[int](csp.Unbuffered())
		b := csp.NewBroadcast(bg, in)
		taps := []*csp.Chan[int]{b.Tap(csp.Unbuffered()), b.Tap(csp.Unbuffered())}
		_ = in.Put(bg, 1)
		synctest.Wait()
		b.UntapAll()
		_ = in.Put(bg, 2) // would wait if the broadcast still did
		in.Close()
		synctest.Wait()
		if b.Taps() != 0 || taps[0].Closed() || taps[1].Closed() {
			t.Fatal("taps are left, or were closed")
		}
	})
}

func TestG51_EndOfSourceClosesTaps(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := failing(1)
		kept, given := csp.New[int](csp.Fixed(1)), csp.New[int](csp.Unbuffered())
		hold := csp.New[int](csp.Unbuffered())
		b := csp.NewBroadcast(bg, hold)
		b.TapTo(kept, csp.KeepOpen())
		b.TapTo(given)
		go func() {
			for v := range in.All(bg) {
				_ = hold.Put(bg, v)
			}
			hold.CloseWithError(in.Err())
		}()
		equal(t, collect(given), []int{1})
		if given.Err() != errSource {
			t.Fatal("ended with", given.Err())
		}
		late := b.Tap(csp.Unbuffered())
		if _, ok := late.Get(bg); ok || late.Err() != errSource {
			t.Fatal("a tap after the end is not closed")
		}
		if kept.Closed() {
			t.Fatal("closed in spite of KeepOpen")
		}
	})
}

func topicsOf(words ...string) *csp.Chan[string] { return fill(words...) }

func firstLetter(s string) byte { return s[0] }

func TestPubSub(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[string](csp.Unbuffered())
		p := csp.NewPubSub(bg, in, firstLetter, func(byte) csp.Buffer { return csp.Fixed(4) })
		a, b := p.Sub('a', csp.Fixed(4)), p.Sub('b', csp.Fixed(4))
		both := csp.New[string](csp.Fixed(4))
		p.SubTo('a', both)
		p.SubTo('b', both)
		topics := p.Topics()
		slices.Sort(topics)
		equal(t, topics, []byte("ab"))
		_, _ = in.Add(bg, "ant", "bee", "cow")
		synctest.Wait()
		in.Close()
		equal(t, collect(a), []string{"ant"})
		equal(t, collect(b), []string{"bee"})
		if got := collect(both); len(got) != 2 {
			t.Fatal(got)
		}
		if late := p.Sub('a', csp.Unbuffered()); !late.Closed() {
			t.Fatal("a subscription after the end is not closed")
		}
	})
}

func TestPubSubTopicsDoNotHoldUpEachOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[string](csp.Unbuffered())
		p := csp.NewPubSub(bg, in, firstLetter, func(k byte) csp.Buffer {
			if k == 's' {
				return csp.Sliding(1)
			}
			return csp.Fixed(1)
		})
		stuck, quick := p.Sub('s', csp.Unbuffered()), p.Sub('q', csp.Fixed(9))
		_ = in.Put(bg, "s1")
		synctest.Wait() // until the topic's broadcast waits for its stuck subscriber
		_, _ = in.Add(bg, "s2", "s3", "s4", "q1")
		synctest.Wait()
		if v, _ := quick.TryGet(); v != "q1" {
			t.Fatal("a stuck topic holds up another")
		}
		in.Close()
		equal(t, collect(stuck), []string{"s1", "s4"})
	})
}

func TestUnsub(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[string](csp.Unbuffered())
		p := csp.NewPubSub(bg, in, firstLetter, nil)
		a, b, c := p.Sub('x', csp.Unbuffered()), p.Sub('x', csp.Unbuffered()), p.Sub('y', csp.Unbuffered())
		if !p.Unsub('x', a) || p.Unsub('x', a) || p.Unsub('z', a) {
			t.Fatal("unsub does not know its subscribers")
		}
		_ = in.Put(bg, "x1") // held up by b
		synctest.Wait()
		p.Unsub('x', b)
		_ = in.Put(bg, "y1")
		synctest.Wait()
		p.UnsubAll('y')
		p.UnsubAll('y')
		_, _ = in.Add(bg, "x2", "y2")
		if topics := p.Topics(); len(topics) != 0 {
			t.Fatal("topics without subscribers:", topics)
		}
		left := p.Sub('x', csp.Unbuffered())
		left.Close() // instead of unsubscribing
		_, _ = in.Add(bg, "x3", "x4", "x5")
		synctest.Wait()
		if topics := p.Topics(); len(topics) != 0 {
			t.Fatal("topics whose subscribers have left:", topics)
		}
		in.Close()
		synctest.Wait()
		if a.Closed() || b.Closed() || c.Closed() {
			t.Fatal("unsub closed a channel")
		}
	})
}

func TestG54_TopicFunctionPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := csp.New[string](csp.Unbuffered())
		p := csp.NewPubSub(bg, in, firstLetter, nil)
		sub := p.Sub('a', csp.Unbuffered())
		_ = in.Put(bg, "")
		_, ok := sub.Get(bg)
		var pe *csp.PanicError
		if ok || !errors.As(sub.Err(), &pe) {
			t.Fatal(ok, sub.Err())
		}
	})
}

func TestPubSubDeliversWhatTopicsHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		in := topicsOf("a1", "a2", "a3")
		gate := csp.New[string](csp.Unbuffered())
		p := csp.NewPubSub(bg, gate, firstLetter, func(byte) csp.Buffer { return csp.Elastic() })
		sub := p.Sub('a', csp.Unbuffered())
		csp.Pipe(bg, in, gate)
		time.Sleep(time.Second)
		equal(t, collect(sub), []string{"a1", "a2", "a3"})
	})
}
