package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachMessageOnce(t *testing.T) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	synctest.Test(t, func(t *testing.T) {
		q := &forgetful{}
		var want []string
		for i := range 50 {
			q.messages = append(q.messages, message{fmt.Sprint(i), fmt.Sprint("c", i%3), fmt.Sprint("text", i)})
			want = append(want, fmt.Sprintf("c%d text%d", i%3, i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var out lockedBuilder
		if err := run(ctx, q, &out, func(err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSpace(out.String()), "\n")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Error(got)
		}
	})
}

type lockedBuilder struct {
	mu sync.Mutex
	strings.Builder
}

var _ io.Writer = (*lockedBuilder)(nil)

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}
