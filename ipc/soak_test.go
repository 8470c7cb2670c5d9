package ipc

import (
	"os"
	"strconv"
)

// soakRounds is by how many rounds the storms are longer than in a usual run, as a multiple:
// TROUPE_SOAK, or 0.
func soakRounds() int {
	n, _ := strconv.Atoi(os.Getenv("TROUPE_SOAK"))
	return n
}
