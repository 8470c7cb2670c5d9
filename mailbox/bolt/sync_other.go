//go:build !unix

package bolt

// syncDir does nothing: there is no such thing here.
func syncDir(string) error { return nil }
