package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	serve()
	short = true
	m.Run()
}

// Every row can be measured; python3 may be missing.
func TestEverySubject(t *testing.T) {
	text, err := run(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "failed") {
		t.Error(text)
	}
	for _, s := range subjects {
		name := strings.ToUpper(s.name[:1]) + s.name[1:]
		if !strings.Contains(text, "| "+name+": ") && !strings.Contains(text, "| "+s.name+": ") {
			t.Errorf("%s has no row in %s", s.name, text)
		}
	}
}

func TestUnknownSubject(t *testing.T) {
	if _, err := run(t.Context(), "process,queues", 1); err == nil || !strings.Contains(err.Error(), `"queues"`) {
		t.Error(err)
	}
}

// Without python3 the other rows are measured, and those say why they are empty.
func TestPythonIsMissing(t *testing.T) {
	t.Setenv("PATH", "")
	text, err := run(t.Context(), "lock", 1)
	if err != nil || !strings.Contains(text, "multiprocessing.Lock: python3 is not on this machine") || !strings.Contains(text, "sync.Mutex | ") {
		t.Error(text, err)
	}
}

func figures(all ...float64) figure {
	return func(context.Context) (float64, error) {
		v := all[0]
		all = append(all[1:], v)
		return v, nil
	}
}

func TestTable(t *testing.T) {
	rows := []*row{
		{what: "faster", peer: "p", target: 2, ours: figures(1e-3, 2e-3, 3e-3), theirs: figures(3e-3, 6e-3, 30e-3)},
		{what: "fewer", peer: "p", target: 2, unit: perSecond, ours: figures(100), theirs: figures(200)},
		{what: "limit", peer: "nobody", limit: 1e-3, ours: figures(1e-6)},
		{what: "broken", peer: "p", target: 1, ours: figures(1), theirs: func(context.Context) (float64, error) { return 0, errors.New("no|pe") }},
	}
	for i := range 3 {
		for _, r := range rows {
			r.measure(t.Context(), i%2 == 1)
		}
	}
	got := table(rows)
	_, got, _ = strings.Cut(got, "---|\n")
	want := `| faster | 2.00 ms | p | 6.00 ms | 3.00 | 3.00 – 10.00 | ≥ 2 × | met |
| fewer | 100 /s | p | 200 /s | 0.50 | 0.50 – 0.50 | ≥ 2 × | **missed** |
| limit | 1.00 µs | nobody |  |  |  | ≤ 1.00 ms | met |
| broken | failed | p: no/pe |  |  |  | ≥ 1 × | **failed** |
`
	if got != want {
		t.Error(got)
	}
}

func TestOutputFile(t *testing.T) {
	file := t.TempDir() + "/out.md"
	if err := write(file, "text"); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "text" {
		t.Error(string(b))
	}
}
