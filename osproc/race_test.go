//go:build race

package osproc_test

// The race detector's own memory is many times what a limit leaves, and its processes take ten
// times as long to start.
const raceDetector = true
