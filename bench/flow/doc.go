// Package flowbench compares the packages flow and csp with rill, conc, errgroup and plain
// channels. It is a module of its own so that nobody who uses Troupe fetches the others.
//
// Run it with
//
//	go test -bench . -count 5
//
// and compare figures of one run only.
package flowbench
