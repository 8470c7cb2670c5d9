package troupe_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/troupe-go/troupe"

// layers says which packages of this module a folder may import, and which
// modules from outside. A folder stands for all below it that have no line of
// their own. Tests and examples may import what they like.
var layers = map[string]struct{ inside, outside []string }{
	"internal/dot":  {},
	"internal/shm":  {outside: []string{"golang.org/x/sys/unix"}},
	"internal/wire": {outside: []string{"golang.org/x/sys/unix"}},
	"internal/far":  {inside: []string{"internal/wire"}},
	".":             {inside: []string{"internal/dot", "internal/far", "internal/wire"}},
	"csp":           {},
	"flow":          {inside: []string{"csp", "flow/internal/core"}},
	"flow/internal": {inside: []string{"csp"}},
	"ipc":           {inside: []string{"internal/wire", "internal/shm"}, outside: []string{"golang.org/x/sys/unix", "github.com/fxamacker/cbor/v2"}},
	"osproc":        {inside: []string{"internal/wire", "internal/shm", "ipc"}, outside: []string{"golang.org/x/sys/unix"}},
	"osproc/isolate": {
		inside: []string{".", "internal/far", "internal/wire", "osproc", "osproc/internal/child"}, outside: []string{"golang.org/x/sys/unix"},
	},
	"match":               {inside: []string{"."}},
	"supervisor":          {inside: []string{"."}},
	"mailbox":             {inside: []string{"."}},
	"mailbox/mailboxtest": {inside: []string{".", "mailbox"}},
	"mailbox/bolt": {
		inside:  []string{".", "mailbox", "mailbox/internal/held"},
		outside: []string{"go.etcd.io/bbolt", "go.etcd.io/bbolt/errors"},
	},
	"mailbox/redis": {
		inside:  []string{".", "mailbox", "mailbox/internal/held", "mailbox/internal/retry"},
		outside: []string{"github.com/redis/go-redis/v9"},
	},
	"mailbox/jetstream": {
		inside:  []string{".", "mailbox", "mailbox/internal/held", "mailbox/internal/retry"},
		outside: []string{"github.com/nats-io/nats.go", "github.com/nats-io/nats.go/jetstream", "github.com/nats-io/nats-server/v2/server"},
	},
	"station":        {inside: []string{".", "mailbox"}},
	"cmd/troupe":     {inside: []string{"*"}, outside: []string{"*"}},
	"examples":       {inside: []string{"*"}},
	"examples/chat":  {inside: []string{"*"}, outside: []string{"github.com/coder/websocket", "github.com/coder/websocket/wsjson"}},
	"examples/mixed": {inside: []string{"*"}},
	"bench":          {inside: []string{"*"}, outside: []string{"*"}},
}

func TestLayers(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "."):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		checkImports(t, filepath.ToSlash(file))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, file string) {
	t.Helper()
	folder := path.Dir(file)
	for _, known := layers[folder]; !known; _, known = layers[folder] {
		if folder = path.Dir(folder); folder == "." {
			t.Errorf("%s: its folder has no layer: give it a line in layers", file)
			return
		}
	}
	rule := layers[folder]
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		allowed, name := rule.outside, imported
		if imported == module {
			allowed, name = rule.inside, "."
		} else if inside, ok := strings.CutPrefix(imported, module+"/"); ok {
			allowed, name = rule.inside, inside
			if inside == folder || strings.HasPrefix(inside, folder+"/") && folder != "." {
				continue
			}
		} else if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
			continue // the standard library
		}
		if !slices.Contains(allowed, "*") && !slices.Contains(allowed, name) {
			t.Errorf("%s imports %s, which lies above its layer or outside of it", file, imported)
		}
	}
}
