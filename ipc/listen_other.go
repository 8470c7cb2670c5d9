//go:build !linux && !darwin

package ipc

import (
	"fmt"
	"net"
	"runtime"
)

func listenUnix(string) (net.Listener, func(), error) {
	return nil, nil, fmt.Errorf("%w: no unix sockets with users on %s: use tcp and a key", ErrUnsupported, runtime.GOOS)
}

// checkUser turns everybody away: there is no way to find out.
func checkUser(*net.UnixConn) error { return ErrAuth }
