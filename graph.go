package troupe

import (
	"io"
	"strconv"

	"github.com/troupe-go/troupe/internal/dot"
)

// A Graph is a picture of the processes of a node at one instant: who spawned
// whom (arrows), who is linked to whom (thick lines), who monitors whom (dashed
// arrows), with a frame around each OS process. Handlers have round corners.
type Graph struct {
	drawing dot.Graph
}

// Graph takes the picture. It locks each process for a moment, one after the
// other, so that a busy node may change while it is taken.
func (n *Node) Graph() Graph {
	infos := n.Processes()
	ids := make(map[PID]int, len(infos))
	frames := make(map[int]int)
	var g dot.Graph
	for i, info := range infos {
		ids[info.PID] = i
		f, ok := frames[info.OSProcess]
		if !ok {
			f = len(g.Clusters)
			frames[info.OSProcess] = f
			g.Clusters = append(g.Clusters, dot.Cluster{Label: "OS process " + strconv.Itoa(info.OSProcess)})
		}
		c := &g.Clusters[f]
		c.Nodes = append(c.Nodes, dot.Node{ID: i, Label: info.Path, Round: info.Handler})
	}
	for i, info := range infos {
		if parent, ok := ids[info.Parent]; ok {
			g.Edges = append(g.Edges, dot.Edge{From: parent, To: i})
		}
	}
	for i, info := range infos {
		for _, l := range info.Links {
			if j, ok := ids[l]; ok && i < j { // once for both ends
				g.Edges = append(g.Edges, dot.Edge{From: i, To: j, Style: dot.Thick})
			}
		}
		for _, m := range info.Monitors {
			if j, ok := ids[m]; ok {
				g.Edges = append(g.Edges, dot.Edge{From: i, To: j, Style: dot.Dashed})
			}
		}
	}
	return Graph{drawing: g}
}

// DOT writes the picture in the language of Graphviz. It returns w's errors.
func (g Graph) DOT(w io.Writer) error { return g.drawing.DOT(w) }

// Mermaid writes the picture as a flowchart in the language of Mermaid. It
// returns w's errors.
func (g Graph) Mermaid(w io.Writer) error { return g.drawing.Mermaid(w) }
