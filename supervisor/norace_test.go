//go:build !race

package supervisor_test

// many is how many children a crowd has.
const many = 100_000
