package wire

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// Build identifies the program that this process runs: two processes with the same
// Build were started from the same executable, or from copies of it. It is made of
// the build identifier that the Go linker leaves in an executable; of one that has
// none, of its size and time and of what it says about its modules.
func Build() [16]byte { return build() }

var build = sync.OnceValue(func() [16]byte {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	describeExecutable(h)
	return [16]byte(h.Sum(nil))
})

func describeExecutable(h io.Writer) {
	name := "/proc/self/exe" // also when the file was replaced meanwhile
	if runtime.GOOS != "linux" {
		name, _ = os.Executable()
	}
	if f, err := os.Open(name); err == nil {
		defer f.Close()
		if id := buildID(f); id != nil {
			_, _ = h.Write(id)
			return
		}
		if info, err := f.Stat(); err == nil {
			fmt.Fprintln(h, info.Size(), info.ModTime().UnixNano())
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprintln(h, info)
	}
}

// buildID returns the Go build identifier at the front of an executable: in an ELF
// note, or as text at the beginning of the code.
func buildID(f io.ReaderAt) []byte {
	var page [32 << 10]byte
	n, _ := f.ReadAt(page[:4<<10], 0)
	front := page[:n]
	if i := bytes.Index(front, []byte("\x04\x00\x00\x00Go\x00\x00")); bytes.HasPrefix(front, []byte("\x7fELF")) && i >= 0 {
		// The note: length of the name, length of the identifier, type 4, name.
		note := front[i:]
		if i >= 4 {
			size := int(front[i-4]) | int(front[i-3])<<8
			if id := note[8:]; size > 0 && size <= len(id) {
				return bytes.Clone(id[:size])
			}
		}
	}
	n, _ = f.ReadAt(page[:], 0)
	_, after, found := bytes.Cut(page[:n], []byte("\xff Go build ID: \""))
	if id, _, closed := bytes.Cut(after, []byte("\"\n \xff")); found && closed && len(id) > 0 {
		return bytes.Clone(id)
	}
	return nil
}
