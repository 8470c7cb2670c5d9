package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestVersions(t *testing.T) {
	for name, test := range map[string]struct {
		version func(context.Context, string) ([]string, error)
		least   int           // results
		most    time.Duration // time
	}{
		"1.0": {google10, 3, 300 * time.Millisecond},
		"2.0": {google20, 3, 100 * time.Millisecond},
		"2.1": {google21, 0, 80 * time.Millisecond},
		"3.0": {google30, 0, 80 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					results, err := test.version(t.Context(), "golang")
					if err != nil || len(results) < test.least || len(results) > 3 {
						t.Fatal(results, err)
					}
					if took := time.Since(start); took > test.most {
						t.Fatal("took", took)
					}
				})
			}
		})
	}
}

func TestFirstReplicaWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := func(d time.Duration, answer string) search {
			return func(ctx context.Context, _ string) (string, error) {
				select {
				case <-time.After(d):
					return answer, nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}
		}
		start := time.Now()
		answer, err := first(takes(time.Hour, "slow"), takes(time.Second, "quick"))(t.Context(), "golang")
		if answer != "quick" || err != nil || time.Since(start) != time.Second {
			t.Fatal(answer, err, time.Since(start))
		}
	})
}
