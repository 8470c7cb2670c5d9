// Command ipc measures packages osproc, ipc and osproc/isolate against Python's multiprocessing,
// hashicorp/go-plugin and what the system itself offers, in one run on one machine, and prints one table in Markdown. It is run
// in this directory, as a module outside of the workspace (GOWORK=off):
//
//	go run .                         # everything
//	go run . -only process,pool      # some subjects
//	go run . -rounds 9               # more rounds
//	go run . -short                  # does it work? the figures mean nothing
//	go run . -o ../../docs/benchmarks-ipc.md
//
// All is measured in rounds. In a round each row measures Troupe and the peer, in turns who is
// first, so that both see the same machine; the table shows medians over the rounds, and the median of the
// ratios of each round. "×" always says how much better Troupe is: 3 means three times as many
// a second, or a third of the time.
//
// A subject is a file: it has a function that returns its rows, which is listed in subjects
// (main.go). Python's half is in peer.py, one function for each row, found by its name. Where
// python3 is missing, its rows say so.
package main
