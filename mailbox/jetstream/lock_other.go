//go:build !unix

package jetstream

// A dirLock would keep other programs away from a server's files; here nothing does.
type dirLock struct{}

func lockDir(string) (*dirLock, error) { return &dirLock{}, nil }

func (l *dirLock) release() {}
