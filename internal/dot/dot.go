// Package dot writes small directed graphs with clusters, in the languages of
// Graphviz and of Mermaid.
package dot

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// A Style says how an edge is drawn.
type Style uint8

// The styles of edges.
const (
	Solid  Style = iota // with an arrow
	Dashed              // with an arrow
	Thick               // without one: both ends are equal
)

// A Node is a box in the drawing. IDs are unique in a graph.
type Node struct {
	ID    int
	Label string
	Round bool
}

// A Cluster is a frame around nodes.
type Cluster struct {
	Label string
	Nodes []Node
}

// An Edge goes from one node to another.
type Edge struct {
	From, To int
	Style    Style
	Label    string
}

// A Graph is what is drawn.
type Graph struct {
	Clusters []Cluster
	Edges    []Edge
}

// DOT writes g for Graphviz.
func (g Graph) DOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "digraph troupe {\n\tnode [shape=box];\n")
	for i, c := range g.Clusters {
		fmt.Fprintf(b, "\tsubgraph cluster_%d {\n\t\tlabel=%s;\n", i, quote(c.Label))
		for _, n := range c.Nodes {
			shape := ""
			if n.Round {
				shape = ", style=rounded"
			}
			fmt.Fprintf(b, "\t\tn%d [label=%s%s];\n", n.ID, quote(n.Label), shape)
		}
		fmt.Fprint(b, "\t}\n")
	}
	styles := [...]string{Solid: "", Dashed: "style=dashed", Thick: "dir=none, style=bold"}
	for _, e := range g.Edges {
		attrs := styles[e.Style]
		if e.Label != "" {
			attrs = strings.TrimPrefix(attrs+", label="+quote(e.Label), ", ")
		}
		if attrs != "" {
			attrs = " [" + attrs + "]"
		}
		fmt.Fprintf(b, "\tn%d -> n%d%s;\n", e.From, e.To, attrs)
	}
	fmt.Fprint(b, "}\n")
	return b.Flush()
}

// quote makes s a quoted string of the DOT language.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// Mermaid writes g as a flowchart for Mermaid.
func (g Graph) Mermaid(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "flowchart TB\n")
	for i, c := range g.Clusters {
		fmt.Fprintf(b, "\tsubgraph c%d [%s]\n", i, mermaidText(c.Label))
		for _, n := range c.Nodes {
			left, right := "[", "]"
			if n.Round {
				left, right = "(", ")"
			}
			fmt.Fprintf(b, "\t\tn%d%s%s%s\n", n.ID, left, mermaidText(n.Label), right)
		}
		fmt.Fprint(b, "\tend\n")
	}
	arrows := [...]string{Solid: "-->", Dashed: "-.->", Thick: "==="}
	for _, e := range g.Edges {
		label := ""
		if e.Label != "" {
			label = "|" + mermaidText(e.Label) + "|"
		}
		fmt.Fprintf(b, "\tn%d %s%s n%d\n", e.From, arrows[e.Style], label, e.To)
	}
	return b.Flush()
}

// mermaidText makes s a quoted text; Mermaid writes special characters as
// entities.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s) + `"`
}
