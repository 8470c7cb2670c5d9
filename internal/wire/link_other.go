//go:build !unix

package wire

import (
	"errors"
	"net"
)

// closeFile has nothing to close: files do not travel on this system.
func closeFile(int) {}

// errNoFiles is why a message with descriptors cannot be sent.
var errNoFiles = errors.New("wire: open files cannot be sent to another process on this system; send what the other side needs to open its own")

func copyFiles(files []int) ([]int, error) {
	if len(files) > 0 {
		return nil, errNoFiles
	}
	return nil, nil
}

// A trial is for systems on which writing without waiting is worth the while.
type trial struct{}

func newTrial(*net.UnixConn) *trial { return nil }

func (*trial) write([]byte, []int) (int, error) { return 0, nil }

func writeWithFiles(*net.UnixConn, []byte, []int) error { return errNoFiles }

func readWithFiles(c *net.UnixConn, b []byte, _ *[]byte) (int, fileGroup, error) {
	n, err := c.Read(b)
	return n, fileGroup{}, err
}
