package crew

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func TestIsolated(t *testing.T) {
	count(t, lay(t, 200), Config{Workers: 2, Isolated: true})
}

// However often the workers are killed, nothing is lost or counted twice.
func TestG62_IsolatedWorkersAreKilled(t *testing.T) {
	r := count(t, lay(t, 1000), Config{Workers: 2, Isolated: true, CrashEvery: 40 * time.Millisecond})
	if s := r.Stats; s.Crashes == 0 || s.Restarts == 0 || s.Renewals != 0 {
		t.Errorf("%+v, want crashes and restarts", s)
	}
}

func TestIsolatedPoisonIsGivenUp(t *testing.T) {
	tree := lay(t, 20)
	r, err := Run(t.Context(), tree, Config{Workers: 2, Isolated: true, Poison: "00?7.txt"})
	must(t, err)
	poison := []int{7, 17}
	if aside := check(t, tree, r); !slices.Equal(aside, poison) {
		t.Errorf("not counted: %v, want %v", aside, poison)
	}
	for _, i := range poison {
		if rec := r.Records[i]; rec.Kind != wordindex.GivenUp || !errors.Is(rec.Err, errPoison) {
			t.Errorf("file %d: %+v", i, rec)
		}
	}
}
