package pool

import (
	"sync"
	"sync/atomic"
	"testing"
)

// both are words as the parent and as the worker see them.
func both(t *testing.T, executors int) (parent, worker *Words) {
	t.Helper()
	parent, f, err := NewWords(executors)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	worker, err = openWords(f, executors)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openWords(f, executors+1); err == nil {
		t.Error("more executors than there are words")
	}
	t.Cleanup(parent.release)
	t.Cleanup(worker.release)
	return parent, worker
}

func TestWhatWasTakenBackCannotBeClaimed(t *testing.T) {
	parent, worker := both(t, 1)
	if !worker.claim(0, 5) {
		t.Fatal("nobody took anything back")
	}
	if first := parent.revoke(); first != 5 || !parent.revoking() {
		t.Error(first)
	}
	if worker.claim(5, 1) || worker.claim(6, 3) {
		t.Error("claimed what was taken back")
	}
	worker.resume(9)
	if parent.revoking() || !worker.claim(9, 1) {
		t.Error("nothing can be claimed any more")
	}
	if first := parent.revoke(); first != 10 {
		t.Error(first)
	}
}

// Numbers go round after 2^32.
func TestNumbersGoRound(t *testing.T) {
	parent, worker := both(t, 1)
	first := ^uint32(0) - 1
	worker.resume(first)
	if !worker.claim(first, 4) || parent.revoke() != 2 {
		t.Error("not 2")
	}
	if !before(first, 2) || before(2, first) {
		t.Error("2 comes after the last number")
	}
	s := sent{span: span{from: 10, to: 14}, number: first, done: 1}
	for n, holds := range map[uint32]bool{first: false, first + 1: true, 0: true, 1: true, 2: false} {
		if s.holds(n) != holds {
			t.Error(n, holds)
		}
	}
}

func TestTheRunningTaskIsKnown(t *testing.T) {
	parent, worker := both(t, 2)
	x := &Executor{s: &server{words: worker}, line: &worker.lines[2]}
	if _, ok := parent.running(1); ok {
		t.Error("nothing runs")
	}
	if !x.Begin(7) {
		t.Fatal("it may begin")
	}
	if n, ok := parent.running(1); n != 7 || !ok {
		t.Error(n, ok)
	}
	if _, ok := parent.running(0); ok {
		t.Error("the other runs nothing")
	}
	if n, ok := parent.stop(1); n != 7 || !ok {
		t.Error(n, ok)
	}
	if x.Begin(8) {
		t.Error("it was stopped")
	}
	if _, ok := parent.stop(0); ok {
		t.Error("the other cannot be stopped")
	}
}

// Whoever comes first, a task is either claimed or taken back.
func TestClaimsAndRevocationsRace(t *testing.T) {
	parent, worker := both(t, 1)
	for range 2000 {
		worker.resume(0)
		var claimed atomic.Uint32
		var first uint32
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := uint32(0); n < 20 && worker.claim(n, 1); n++ {
				claimed.Store(n + 1)
			}
		})
		wg.Go(func() { first = parent.revoke() })
		wg.Wait()
		if claimed.Load() != first {
			t.Fatal(claimed.Load(), "were claimed,", first, "not taken back")
		}
	}
}
