//go:build !linux && !darwin

package ipc

import "net"

// A rawStream exists on Linux and macOS only.
type rawStream struct{ local bool }

func newRawStream(net.Conn) *rawStream { return nil }

func (*rawStream) read([]byte, bool) (int, batch, error) { return 0, batch{}, errWouldBlock }

func (*rawStream) write([][]byte, []int, bool) (int, error) { return 0, errWouldBlock }
