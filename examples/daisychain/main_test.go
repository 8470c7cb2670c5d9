package main

import "testing"

func Example() {
	main()
	// Output: 100000
}

func BenchmarkPerPerson(b *testing.B) { whisper(b.Context(), b.N) }
