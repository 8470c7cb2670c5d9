package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/troupe-go/troupe/cmd/troupe/internal/crew"
	"github.com/troupe-go/troupe/cmd/troupe/internal/wordindex"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/mailbox/bolt"
)

// demo is the command of that name: it counts the words of a tree of files with
// a crew of processes, lets workers crash, and compares the result with a plain
// count.
type demo struct {
	Dir        string        `arg:"" optional:"" help:"The directory; without it, the source of the installed Go."`
	Crew       int           `short:"n" default:"${cpus}" placeholder:"N" help:"How many workers count (default: one for each CPU, ${default} here)."`
	Workers    string        `enum:"goroutines,os" default:"goroutines" placeholder:"KIND" help:"What the workers are: goroutines, or os for operating system processes, which then are killed (default: ${default})."`
	CrashEvery time.Duration `default:"50ms" placeholder:"TIME" help:"How often a worker is made to crash, such as 300ms; 0 is never (default: ${default})."`
	Durable    string        `type:"path" placeholder:"STATE" help:"Keep in this directory what was done; killed and called again, the demo goes on where it was."`
	Poison     string        `placeholder:"GLOB" help:"Files with such a name, for instance 'b*.go', kill each worker that reads them."`
	Top        int           `default:"10" placeholder:"N" help:"How many of the most frequent words are printed (default: ${default})."`
	Verbose    bool          `short:"v" help:"Report each crash and each restart."`
}

const (
	maxCrew     = 4096
	minInterval = time.Millisecond
)

// Validate says what is wrong with the flags. The parser calls it.
func (d *demo) Validate() error {
	switch {
	case d.Crew < 1 || d.Crew > maxCrew:
		return fmt.Errorf("--crew=%d: it must be from 1 to %d", d.Crew, maxCrew)
	case d.CrashEvery < 0 || 0 < d.CrashEvery && d.CrashEvery < minInterval:
		return fmt.Errorf("--crash-every=%v: it must be 0 for never, or at least %v", d.CrashEvery, minInterval)
	case d.Top < 0:
		return fmt.Errorf("--top=%d: it must not be negative", d.Top)
	}
	if _, err := filepath.Match(d.Poison, ""); err != nil {
		return fmt.Errorf("--poison=%s: %w", d.Poison, err)
	}
	return nil
}

// Run counts, reports and compares.
func (d *demo) Run(ctx context.Context, c console) error {
	tree, err := d.tree(ctx)
	if err != nil {
		return err
	}
	page{c.out}.start(tree, d)
	if len(tree.Files) == 0 {
		return nil
	}
	counted, err := d.count(ctx, c, tree)
	if err != nil {
		return err
	}
	page{c.out}.counted(tree, counted, d.Durable)
	page{c.out}.top(counted.Index.Top(d.Top))
	return compare(ctx, c, tree, counted)
}

// tree lists the files.
func (d *demo) tree(ctx context.Context) (*wordindex.Tree, error) {
	dir := d.Dir
	if dir == "" {
		var err error
		if dir, err = goSource(ctx); err != nil {
			return nil, usage(err)
		}
	}
	tree, err := wordindex.Walk(ctx, dir)
	switch {
	case errors.Is(err, errInterrupted):
		return nil, interrupted("while listing the files of %s", dir)
	case err != nil:
		return nil, usage(err)
	}
	return tree, nil
}

// goSource returns the directory with the source of the installed Go.
func goSource(ctx context.Context) (string, error) {
	root := os.Getenv("GOROOT")
	if out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output(); err == nil {
		root = strings.TrimSpace(string(out))
	}
	src := filepath.Join(root, "src")
	if _, err := os.Stat(src); root == "" || errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("there is no Go source tree on this machine: name a directory")
	}
	return src, nil
}

// count lets the crew count.
func (d *demo) count(ctx context.Context, c console, tree *wordindex.Tree) (r *crew.Result, err error) {
	m := newMeter(c.err, len(tree.Files), "counting")
	defer m.close()
	cfg := crew.Config{
		Workers:    d.Crew,
		CrashEvery: d.CrashEvery,
		Isolated:   d.isolated(),
		Poison:     d.Poison,
		Progress: func(p crew.Progress) {
			m.show(p.Files, "counting, "+plural(p.Crashes, "crash"))
		},
	}
	if d.Durable != "" {
		store, err := openMail(d.Durable)
		if err != nil {
			return nil, usage(err)
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		cfg.Mail = store
	}
	if d.Verbose {
		cfg.Log = slog.New(slog.NewTextHandler(c.err, nil))
	}
	r, err = crew.Run(ctx, tree, cfg)
	if errors.Is(err, crew.ErrOtherTree) {
		return nil, usage(fmt.Errorf("--durable=%s: %w; name another directory, or remove this one to begin anew", d.Durable, crew.ErrOtherTree))
	}
	if errors.Is(err, errInterrupted) {
		return nil, interrupted("%s of %s counted, %s read, %s; the crew has stopped in good order",
			group(r.Progress.Files), plural(len(tree.Files), "file"), size(r.Progress.Bytes), plural(r.Stats.Crashes, "crash"))
	}
	return r, err
}

// openMail opens the file with the mail in a directory, and makes both if need be.
func openMail(dir string) (mailbox.Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--durable: %w", err)
	}
	store, err := bolt.Open(filepath.Join(dir, "mail.db"))
	if err != nil {
		return nil, fmt.Errorf("--durable=%s: %w", dir, err)
	}
	return store, nil
}

// isolated reports whether the workers are OS processes.
func (d *demo) isolated() bool { return d.Workers == "os" }

// compare counts the same files plainly, and reports whether that gives the same
// result.
func compare(ctx context.Context, c console, tree *wordindex.Tree, counted *crew.Result) error {
	m := newMeter(c.err, len(tree.Files), "comparing with a plain count")
	defer m.close()
	start, done, bytes := time.Now(), 0, int64(0)
	plain, err := wordindex.Plain(ctx, tree, func(r wordindex.Record) {
		done++
		bytes += r.Size
		m.show(done, "comparing with a plain count")
	})
	if err != nil {
		return interrupted("while comparing; %s of %s compared", group(done), plural(len(tree.Files), "file"))
	}
	m.close()
	elapsed := time.Since(start)
	v := wordindex.Compare(counted.Index, counted.Records, plain)
	return page{c.out}.verdict(tree, counted, &v, pace{done, bytes, elapsed})
}

func interrupted(format string, args ...any) error {
	return exit{fmt.Errorf("%w: "+format, append([]any{errInterrupted}, args...)...), exitInterrupted}
}
