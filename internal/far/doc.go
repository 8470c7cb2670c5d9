// Package far carries what processes of the module root say to each other from one
// node to another: messages, exits, links, kills, answers, names. It knows nothing
// of the types of messages; those stay with the module root, which stands above it.
//
// # Words
//
// A [Peer] is the other node, seen from this one. A [Process] is one of this node's
// own processes, or a stand-in: what a process of the other node looks like here.
// Links and monitors are made with the stand-in, and what is sent to it is forwarded.
// A process that the other side knows is exported; it has a stand-in there.
//
// # Order
//
// There is one stream of frames in each direction. Whatever a process does (sending,
// linking, ending) appends its frame before the call returns, and the other side
// handles frames one after the other. Therefore everything that one process sends to
// another arrives in order, and the end of a process is told after everything that
// it sent. A process is introduced by a frame of its own before any frame mentions
// it.
//
// Frames are read by the goroutine in [Peer.Serve], or by one who waits for what comes
// next, see [Peer.Await]; never by two at a time.
//
// # Ends
//
// Every exported process is watched; when it ends, a frame ends its stand-in, and
// that does all the rest: it breaks links, fires monitors, fails questions, frees
// names, just as for a process of the node. When the other node itself is gone, all
// its stand-ins end. The dead are remembered for a while, so that a mention of one
// still means the same; see maxDead.
//
// # Frames
//
// Kinds are bytes; the format of the rest is that of package wire, and its version
// is the version of all. A process is written as a tag and a number: nobody, mine
// (the writer's own, by its number), or yours (the reader's own).
package far
