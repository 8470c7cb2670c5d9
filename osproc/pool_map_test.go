//go:build linux

package osproc_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-go/troupe/osproc"
)

// endless are jobs without an end; taken says how many were read.
func endless(taken *atomic.Int64) iter.Seq[job] {
	return func(yield func(job) bool) {
		for i := 0; yield(job{N: i}); i++ {
			taken.Add(1)
		}
	}
}

func TestLeavingTheLoopEndsTheMap(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{})
	for _, run := range []func(context.Context, iter.Seq[job]) iter.Seq2[int, error]{p.Map, p.MapUnordered} {
		var taken atomic.Int64
		i := 0
		for _, err := range run(t.Context(), endless(&taken)) {
			if err != nil {
				t.Fatal(err)
			}
			if i++; i == 1000 {
				break
			}
		}
		if n := taken.Load(); n < 999 {
			t.Error("taken:", n)
		}
	}
	// The contexts of tasks that are running end.
	post := newSignpost(t)
	items := slices.Values([]job{{}, {Mode: "wait", File: post.w}, {Mode: "wait", File: post.w}, {Mode: "wait", File: post.w}})
	for range p.Map(t.Context(), items) {
		post.next()
		break
	}
	for i := range 10 {
		if n, err := p.Do(t.Context(), job{N: i}); n != 2*i || err != nil {
			t.Error(n, err)
		}
	}
	if s := p.Stats(); s.Deaths != 0 {
		t.Errorf("%+v", s)
	}
	shut(t, p)
}

// A consumer that takes its time holds the sequence back.
func TestMapReadsNoFurtherThanItMust(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{})
	var taken atomic.Int64
	i := 0
	for _, err := range p.Map(t.Context(), func(yield func(job) bool) {
		for i := 0; yield(job{N: i, Took: 2 * time.Millisecond}); i++ {
			taken.Add(1)
		}
	}) {
		if i++; err != nil || i == 20 {
			break
		}
		if ahead := taken.Load() - int64(i); ahead > 100 {
			t.Fatal("read ahead:", ahead)
		}
	}
}

// Each item is made of the result of the one before it.
func TestItemsThatWaitForResults(t *testing.T) {
	nothingLeft(t)
	for _, cfg := range []osproc.PoolConfig{{}, {Chunk: 50}, {Chunk: 1}} {
		p := openPool(t, cfg)
		results := make(chan int, 1)
		results <- 1
		items := func(yield func(job) bool) {
			for range 12 {
				if !yield(job{N: <-results}) {
					return
				}
			}
		}
		last := 0
		for n, err := range p.Map(t.Context(), items) {
			if err != nil {
				t.Fatal(err)
			}
			last = n
			results <- n
		}
		if last != 1<<12 {
			t.Error(cfg.Chunk, last)
		}
	}
}

func TestAPanicOfTheSequenceIsThatOfTheLoop(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{})
	for what, end := range map[string]func(){
		"on purpose":     func() { panic("on purpose") },
		"runtime.Goexit": runtime.Goexit,
	} {
		i := 0
		func() {
			defer func() {
				v := recover()
				text, _ := v.(string)
				if err, ok := v.(error); ok {
					text = err.Error()
				}
				if !strings.Contains(text, what) {
					t.Errorf("%v instead of %s", v, what)
				}
			}()
			for r, err := range p.Map(t.Context(), func(yield func(job) bool) {
				jobs(100, nil)(yield)
				end()
			}) {
				if err != nil || r != 2*i {
					t.Fatal(r, err)
				}
				i++
			}
		}()
		if i != 100 {
			t.Error(i)
		}
	}
	// And a panic of the loop ends the map.
	func() {
		defer func() {
			if v := recover(); v != "in the loop" {
				t.Error(v)
			}
		}()
		var taken atomic.Int64
		for range p.Map(t.Context(), endless(&taken)) {
			panic("in the loop")
		}
	}()
	shut(t, p)
}

func TestG63_MapEndsWithItsContext(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{})
	why := errors.New("because")
	post := newSignpost(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var last error
	for _, err := range p.Map(ctx, slices.Values([]job{{}, {Mode: "wait", File: post.w}})) {
		if last = err; err == nil {
			post.next()
			cancel(why)
		}
	}
	if !errors.Is(last, why) {
		t.Error(last)
	}
	for _, err := range p.Map(ctx, jobs(1, nil)) {
		if !errors.Is(err, why) {
			t.Error(err)
		}
	}
	shut(t, p)
}

func TestMapsWithinMaps(t *testing.T) {
	nothingLeft(t)
	p := openPool(t, osproc.PoolConfig{})
	both := p.Map(t.Context(), jobs(20, nil)) // each loop is a map of its own
	n := 0
	for i, err := range both {
		for j, err := range both {
			for k, err := range p.MapUnordered(t.Context(), jobs(5, nil)) {
				if err != nil || i < 0 || j < 0 || k < 0 {
					t.Fatal(err)
				}
				n++
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n != 20*20*5 {
		t.Error(n)
	}
}

// Short tasks that are with a worker behind a long one are taken back, and done by others.
func TestALongTaskHoldsNobodyUp(t *testing.T) {
	nothingLeft(t)
	for _, cfg := range []osproc.PoolConfig{{}, {Chunk: 100}} {
		cfg.Workers = 2
		p := openPool(t, cfg)
		for range p.Map(t.Context(), jobs(2000, nil)) { // has it learnt that tasks are short
		}
		post := newSignpost(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		items := func(yield func(job) bool) {
			for i := range 1000 {
				j := job{N: i}
				if i == 300 {
					j = job{Mode: "wait", File: post.w}
				}
				if !yield(j) {
					return
				}
			}
		}
		n := 0
		for _, err := range p.MapUnordered(ctx, items) {
			if err != nil {
				break
			}
			if n++; n == 999 { // all but the one that waits for the end of its context
				cancel()
			}
		}
		if n != 999 {
			t.Error(n)
		}
		cancel()
		shut(t, p)
	}
}

func TestLargeTasks(t *testing.T) {
	nothingLeft(t)
	p := must[*osproc.Pool[[]byte, []byte]](t)(osproc.NewPool(background, large, osproc.PoolConfig{Workers: 2}))
	defer p.Terminate()
	sizes := []int{1, 64 << 10, 1 << 20, 5 << 20, 3, 0, 16 << 20, 7}
	items := func(yield func([]byte) bool) {
		for _, n := range sizes {
			if !yield(make([]byte, n)) {
				return
			}
		}
	}
	i := 0
	for b, err := range p.Map(t.Context(), items) {
		n := sizes[i%len(sizes)]
		if err != nil || len(b) != n || n > 0 && b[n-1] != 1 {
			t.Fatal(i, len(b), err)
		}
		i++
	}
	if i != len(sizes) {
		t.Error(i)
	}
}
