package dot

import (
	"strings"
	"testing"
)

var sample = Graph{
	Clusters: []Cluster{
		{Label: `OS process "1"`, Nodes: []Node{{ID: 0, Label: "a\\b\nc"}, {ID: 1, Label: "<h>", Round: true}}},
		{Label: "OS process 2", Nodes: []Node{{ID: 2, Label: "#x"}}},
	},
	Edges: []Edge{{From: 0, To: 1}, {From: 1, To: 2, Style: Thick}, {From: 0, To: 2, Style: Dashed, Label: "watches"}},
}

func TestDOT(t *testing.T) {
	want := `digraph troupe {
	node [shape=box];
	subgraph cluster_0 {
		label="OS process \"1\"";
		n0 [label="a\\b\nc"];
		n1 [label="<h>", style=rounded];
	}
	subgraph cluster_1 {
		label="OS process 2";
		n2 [label="#x"];
	}
	n0 -> n1;
	n1 -> n2 [dir=none, style=bold];
	n0 -> n2 [style=dashed, label="watches"];
}
`
	var b strings.Builder
	if err := sample.DOT(&b); err != nil || b.String() != want {
		t.Errorf("DOT: %v\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestMermaid(t *testing.T) {
	want := `flowchart TB
	subgraph c0 ["OS process #quot;1#quot;"]
		n0["a\b c"]
		n1("#lt;h#gt;")
	end
	subgraph c1 ["OS process 2"]
		n2["#35;x"]
	end
	n0 --> n1
	n1 === n2
	n0 -.->|"watches"| n2
`
	var b strings.Builder
	if err := sample.Mermaid(&b); err != nil || b.String() != want {
		t.Errorf("Mermaid: %v\n%s\nwant\n%s", err, b.String(), want)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

var errFull = &fullError{}

type fullError struct{}

func (*fullError) Error() string { return "full" }

func TestWriteErrorIsReturned(t *testing.T) {
	if err := sample.DOT(fullDisk{}); err != errFull {
		t.Errorf("DOT to a full disk: %v", err)
	}
	if err := sample.Mermaid(fullDisk{}); err != errFull {
		t.Errorf("Mermaid to a full disk: %v", err)
	}
}
