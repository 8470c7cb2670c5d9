//go:build !race

package osproc_test

const raceDetector = false
