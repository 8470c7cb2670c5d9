//go:build race

package supervisor_test

// many is how many children a crowd has; fewer where each step costs ten times as much.
const many = 10_000
