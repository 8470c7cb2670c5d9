package child

import (
	"os"
	"strings"
)

// maxCrash is how much of a crash is kept, in bytes.
const maxCrash = 64 << 10

// lastWords reads and closes the file that the runtime writes a crash to.
func lastWords(f *os.File) string {
	if f == nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, maxCrash)
	n, _ := f.ReadAt(b[:1], 0)
	if n > 0 {
		n, _ = f.ReadAt(b, 0)
	}
	return string(b[:n])
}

// crashOf puts what the runtime says before it begins to write to the file, "fatal error: "
// and why, in front of what it wrote there. That is only on standard error.
func crashOf(words, stderr string) string {
	if words == "" || strings.HasPrefix(words, "panic: ") {
		return words
	}
	end := strings.LastIndex(stderr, words[:min(len(words), 100)])
	if end < 0 {
		return words
	}
	begin := strings.LastIndex(stderr[:end], "fatal error: ")
	if begin < 0 {
		return words
	}
	return stderr[begin:end] + words
}

// lastOf is the end of what a child has written, from the beginning of a line if possible.
func lastOf(stderr string) string {
	if len(stderr) <= maxSaid {
		return stderr
	}
	last := stderr[len(stderr)-maxSaid:]
	if i := strings.IndexByte(last, '\n'); i >= 0 && i < len(last)-1 {
		last = last[i+1:]
	}
	return last
}
