//go:build !linux && !darwin

package ipc

import (
	"fmt"
	"net"
	"runtime"

	"github.com/troupe-go/troupe/internal/wire"
)

var errNoPipe = fmt.Errorf("%w: there are no pipes between processes on %s: use Listen and Dial over TCP", ErrUnsupported, runtime.GOOS)

func socketPair() (*Conn, *Conn, error) { return nil, nil, errNoPipe }

func (*rawStream) closeWrite() error { return errNoPipe }

func (*rawStream) borrow(*wire.Encoder) error { return errNoPipe }

func socketPairRaw() (a, b net.Conn, err error) { return nil, nil, errNoPipe }

func connOf(int) (net.Conn, error) { return nil, errNoPipe }
