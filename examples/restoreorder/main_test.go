package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func TestEveryRoundHasBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		run(t.Context(), &out)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 10 {
			t.Fatal(lines)
		}
		for i := range 5 {
			round := lines[2*i] + lines[2*i+1]
			joe, ann := fmt.Sprintf("Joe %d", i), fmt.Sprintf("Ann %d", i)
			if round != joe+ann && round != ann+joe {
				t.Fatal("round", i, "is", round)
			}
		}
	})
}
