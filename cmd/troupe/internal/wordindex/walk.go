package wordindex

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Tree is the list of the files below a directory.
type Tree struct {
	Root     string    // with symbolic links resolved
	Files    []string  // the regular files, in lexical order, relative to Root
	Links    int       // symbolic links, which are not followed
	Special  int       // pipes, sockets, devices
	Problems []Problem // directories that could not be read
}

// A Problem is a file or directory that could not be read.
type Problem struct {
	Path string
	Err  error
}

// Path returns the path of file i, ready to be opened.
func (t *Tree) Path(i int) string { return filepath.Join(t.Root, t.Files[i]) }

// Walk lists the files below root. A directory that cannot be read is reported
// in the tree, unless it is root itself. Symbolic links are not followed, so
// that a loop of them does no harm; root itself may be one.
func Walk(ctx context.Context, root string) (*Tree, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, bare(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", root)
	}
	t := &Tree{}
	if t.Root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, fmt.Errorf("%s: %w", root, bare(err))
	}
	err = filepath.WalkDir(t.Root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return t.visit(path, d, err)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// visit takes one entry of a directory into the tree.
func (t *Tree) visit(path string, d fs.DirEntry, err error) error {
	rel, relErr := filepath.Rel(t.Root, path)
	switch {
	case relErr != nil:
		return relErr
	case err != nil && rel == ".":
		return fmt.Errorf("%s: %w", path, bare(err))
	case err != nil:
		t.Problems = append(t.Problems, Problem{Path: rel, Err: bare(err)})
	case d.Type().IsRegular():
		t.Files = append(t.Files, rel)
	case d.Type()&fs.ModeSymlink != 0:
		t.Links++
	case !d.IsDir():
		t.Special++
	}
	return nil
}
