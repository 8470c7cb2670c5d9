// Package examples_test runs the examples that are whole programs and compares
// what they print.
package examples_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

var printed = map[string]string{
	"pingpong": `"pong" from <pingPong.2>
<pingPong.2> is down: invalid message body
troupe: no such process
`,
	"bank": "250 <nil>\n",
	"pool": "4\n168\n9592\n",
	"ipc":  "6 <nil>\n7 <nil>\n8 <nil>\n9 <nil>\n10 <nil>\n5 <nil>\n",
	"patterns": `"pong" from <calculator.2>
<calculator.2> is down: normal
`,
}

func TestExamples(t *testing.T) {
	for name, want := range printed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), name)
			if out, err := exec.Command("go", "build", "-race", "-o", program, "./"+name).CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			got, err := exec.Command(program).Output()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("printed\n%s\nwant\n%s", got, want)
			}
		})
	}
}
