//go:build unix

package bolt

import "os"

// syncDir makes a new file's name safe.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
