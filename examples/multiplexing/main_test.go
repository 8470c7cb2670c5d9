package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func TestBothAreHeardInTheirOwnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		run(t.Context(), &out)
		next := map[string]int{}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		for _, line := range lines {
			name, _, _ := strings.Cut(line, " ")
			if line != fmt.Sprintf("%s %d", name, next[name]) {
				t.Fatal("out of order:", line)
			}
			next[name]++
		}
		if len(lines) != 10 || next["Joe"] == 0 || next["Ann"] == 0 {
			t.Fatal(lines)
		}
	})
}
