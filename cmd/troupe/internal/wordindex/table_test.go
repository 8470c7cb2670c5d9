package wordindex

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func asMap(y *Tally) map[string]uint64 {
	m := map[string]uint64{}
	for word, n := range y.All() {
		m[string(word)] += n
	}
	return m
}

func equal(a, b map[string]uint64) bool { return maps.Equal(a, b) }

func TestTableCountsLikeAMap(t *testing.T) {
	var table Table
	want := map[string]uint64{}
	for range 100_000 {
		word := fmt.Sprint("w", rand.IntN(20_000))
		table.Add([]byte(word), 1)
		want[word]++
	}
	if !equal(asMap(&table.Tally), want) {
		t.Error("the table and the map differ")
	}
	if table.Len() != len(want) {
		t.Errorf("Len is %d, want %d", table.Len(), len(want))
	}
}

func TestTableToldApartByWord(t *testing.T) {
	var table Table
	table.add([]byte("one"), 7, 1) // the same hash for all
	table.add([]byte("two"), 7, 2)
	table.add([]byte("one"), 7, 3)
	if got, want := asMap(&table.Tally), map[string]uint64{"one": 4, "two": 2}; !equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func TestMergeAndCopy(t *testing.T) {
	var a, b Table
	a.Add([]byte("both"), 1)
	a.Add([]byte("left"), 2)
	b.Add([]byte("both"), 10)
	b.Add([]byte("right"), 20)
	y := a.Copy()
	a.Reset()
	a.Add([]byte("later"), 9)
	b.Merge(y)
	if got, want := asMap(&b.Tally), map[string]uint64{"both": 11, "left": 2, "right": 20}; !equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func TestReset(t *testing.T) {
	for _, n := range []int{10, maxKept} { // with its memory kept, and given back
		var table Table
		for i := range n {
			table.Add(fmt.Append(nil, i), 1)
		}
		table.Reset()
		if table.Len() != 0 {
			t.Errorf("%d words after Reset", table.Len())
		}
		if kept := len(table.slots) > 0; kept != (n == 10) {
			t.Errorf("after %d words the memory was kept: %v", n, kept)
		}
		table.Add([]byte("5"), 2)
		if got, want := asMap(&table.Tally), map[string]uint64{"5": 2}; !equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
	}
}

func TestTop(t *testing.T) {
	var table Table
	for word, n := range map[string]uint64{"cc": 3, "aa": 3, "rare": 1, "most": 9, "bb": 3} {
		table.Add([]byte(word), n)
	}
	all := []Count{{"most", 9}, {"aa", 3}, {"bb", 3}, {"cc", 3}, {"rare", 1}}
	for n := range len(all) + 2 {
		if got, want := table.Top(n), all[:min(n, len(all))]; !slices.Equal(got, want) {
			t.Errorf("top %d is %v, want %v", n, got, want)
		}
	}
}

// The hash must not change: programs of different versions add up their sums.
func TestHashIsStable(t *testing.T) {
	seen := map[uint64]string{}
	for i := range 100_000 {
		word := fmt.Sprintf("word%d", i)
		if other, ok := seen[Hash([]byte(word))]; ok {
			t.Fatalf("%s and %s have the same hash", word, other)
		}
		seen[Hash([]byte(word))] = word
	}
	if got := Hash([]byte("stable_hash")); got != 0x49ba1583ea64a1af {
		t.Errorf("the hash is %#x now", got)
	}
}

func TestCountingAKnownWordAllocatesNothing(t *testing.T) {
	var table Table
	word := []byte("word")
	table.Add(word, 1)
	if n := testing.AllocsPerRun(100, func() { table.Add(word, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
