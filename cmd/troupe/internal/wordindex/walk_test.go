package wordindex

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// lay writes files, given as pairs of path and content, below a new directory.
func lay(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for f := range slices.Chunk(files, 2) {
		path := filepath.Join(dir, f[0])
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(f[1]), 0o644))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func walk(t *testing.T, dir string) *Tree {
	t.Helper()
	tree, err := Walk(t.Context(), dir)
	must(t, err)
	return tree
}

func TestWalkOddTree(t *testing.T) {
	dir := lay(t, "b/two", "2", "a one", "1", ".hidden/three", "3")
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	must(t, os.Symlink("..", filepath.Join(dir, "b", "loop")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, os.Symlink("a one", filepath.Join(dir, "link")))
	tree := walk(t, dir)
	want := []string{".hidden/three", "a one", "b/two"}
	for i := range want {
		want[i] = filepath.FromSlash(want[i])
	}
	if !slices.Equal(tree.Files, want) || tree.Links != 3 || tree.Problems != nil {
		t.Errorf("tree %+v, want the files %q and 3 links", tree, want)
	}
}

func TestWalkRootIsALink(t *testing.T) {
	dir := lay(t, "file", "text")
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	if tree := walk(t, link); len(tree.Files) != 1 {
		t.Errorf("tree %+v", tree)
	}
}

func TestWalkNoDirectory(t *testing.T) {
	dir := lay(t, "file", "text")
	if _, err := Walk(t.Context(), filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one about a missing directory", err)
	}
	if _, err := Walk(t.Context(), filepath.Join(dir, "file")); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("error %v, want that it is not a directory", err)
	}
}

func TestWalkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := Walk(ctx, lay(t, "file", "text")); err != why {
		t.Errorf("error %v, want %v", err, why)
	}
}

// An unreadable directory cannot be made by root, who reads everything; visit
// gets what WalkDir would tell.
func TestVisitUnreadableDirectory(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/tree/sub", Err: syscall.EACCES}
	tree := &Tree{Root: "/tree"}
	must(t, tree.visit("/tree/sub", nil, denied))
	if want := []Problem{{"sub", syscall.EACCES}}; !slices.Equal(tree.Problems, want) {
		t.Errorf("problems %v, want %v", tree.Problems, want)
	}
	if err := tree.visit("/tree", nil, denied); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("an unreadable root: error %v", err)
	}
}
