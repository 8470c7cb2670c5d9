package jetstream

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startServer starts a server of the program's own that keeps its streams in dir, and
// writes each change to disk before it answers.
func startServer(dir, listen string, largest int) (*server.Server, *dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("jetstream: %w", err)
	}
	lock, err := lockDir(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, nil, err
	}
	o := &server.Options{
		ServerName: "troupe", DontListen: listen == "", NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true,
		MaxPayload: int32(largest), MaxPending: int64(max(server.MAX_PENDING_SIZE, 4*largest)),
	}
	if listen != "" {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			lock.release()
			return nil, nil, fmt.Errorf("jetstream: %w: write what to listen on like 127.0.0.1:4222", err)
		}
		o.Host = host
		o.Port, _ = strconv.Atoi(port)
	}
	ns, err := server.NewServer(o)
	if err == nil {
		ns.Start()
		if !ns.ReadyForConnections(30 * time.Second) {
			err = errors.New("it did not become ready")
			ns.Shutdown()
		}
	}
	if err != nil {
		lock.release()
		return nil, nil, fmt.Errorf("jetstream: the server in %s: %w", dir, err)
	}
	return ns, lock, nil
}
