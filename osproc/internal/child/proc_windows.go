package child

import (
	"net"
	"os"
	"syscall"
)

// Workers need a descriptor that is handed down, which this system does not have in the
// way that the rest of the package needs.

func start(launch) (proc, error) { return nil, ErrSystem }

func attributes(launch) *syscall.SysProcAttr { return nil }

func maxMemory(any) int64 { return 0 }

func limit(int, *Config) error { return ErrSystem }

func crashFile() (*os.File, error) { return nil, ErrSystem }

func executable() (string, error) { return "", ErrSystem }

func signalGroup(int, syscall.Signal) error { return ErrSystem }

func statusOf(any) Status { return Status{Code: -1} }

// SocketPair is not to be had on this system.
func SocketPair() (*net.UnixConn, *os.File, error) { return nil, nil, ErrSystem }

// Conn is not to be had on this system.
func Conn(*os.File) (*net.UnixConn, error) { return nil, ErrSystem }

func readNow(*os.File, []byte) int { return 0 }
