package child

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/troupe-go/troupe/internal/wire"
)

// Start starts a child. For a role it returns when the worker is ready. The child is told
// to end when ctx ends, also after Start has returned.
//
// With an error there may be a child too: one that was started, and has ended.
func Start(ctx context.Context, cfg Config, job Job) (*Child, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if job.Role != "" && !mayStart() {
		return nil, ErrNoMain
	}
	c, greeting, err := begin(cfg, job)
	if err != nil {
		return nil, err
	}
	c.bind(ctx)
	if job.Role == "" {
		if err := c.limit(cfg); err != nil {
			_ = c.Kill(err)
			<-c.done
			return c, err
		}
		return c, nil
	}
	if job.Launched != nil {
		job.Launched(c)
	}
	if err := c.greet(cfg, job, greeting); err != nil {
		return c, err
	}
	return c, nil
}

// begin has the process running and looked after.
func begin(cfg Config, job Job) (c *Child, greeting string, err error) {
	c = &Child{name: cfg.Name, grace: cfg.Grace, daemon: cfg.Daemon, done: make(chan struct{})}
	if c.grace == 0 {
		c.grace = DefaultGrace
	}
	l := launch{path: job.Path, args: job.Args, env: cfg.Env, dir: cfg.Dir, group: cfg.Group, death: syscall.SIGKILL}
	if l.env == nil {
		l.env = os.Environ()
	}
	if cfg.Orphan > 0 {
		l.death = syscall.SIGTERM
	}
	if o := &cfg.Stderr; job.Role != "" && o.zero() {
		o.Sink = os.Stderr
	}
	fs := &files{}
	if err = fs.standard(c, cfg); err == nil && job.Role != "" {
		greeting = rand.Text()
		l.env = append(withoutToken(l.env), tokenVar+"="+greeting)
		err = fs.worker(c, &l)
	}
	if err != nil {
		fs.fail()
		return nil, "", fmt.Errorf("osproc: %s cannot be started: %w", c.name, plain(err))
	}
	l.files = fs.theirs
	holdThread()
	onThread(func() { c.proc, err = start(l) })
	if err != nil {
		releaseThread()
		fs.fail()
		return nil, "", fmt.Errorf("osproc: %s cannot be started: %w", c.name, l.explain(err))
	}
	c.pid = c.proc.pid()
	fs.succeed()
	if fs.conn != nil {
		c.link = wire.NewLink(fs.conn)
		if job.Endless {
			c.link.NeverWait()
		}
	}
	for _, o := range c.output {
		go o.read()
	}
	family.join(c)
	go c.look()
	return c, greeting, nil
}

// explain says what err, which is that of a start, is about.
func (l *launch) explain(err error) error {
	if _, missing := os.Stat(l.dir); l.dir != "" && missing != nil {
		return fmt.Errorf("its directory %s: %w", l.dir, err)
	}
	return fmt.Errorf("%s: %w", l.path, err)
}

// limit applies the limits of cfg.
func (c *Child) limit(cfg Config) error {
	err := c.proc.hold(func() error { return limit(c.pid, &cfg) })
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil // it needs none any more
	}
	if err != nil {
		return fmt.Errorf("osproc: the limits of %s cannot be set: %w", c.name, err)
	}
	return nil
}

func (c *Child) closeLink() {
	if c.link != nil {
		c.link.Close()
	}
}

// files are the descriptors of a child, until it has them.
type files struct {
	theirs  []*os.File
	closing []*os.File // in any case
	ours    []*os.File // if the start fails
	conn    *net.UnixConn
}

// standard opens standard input, output and error.
func (fs *files) standard(c *Child, cfg Config) error {
	in, err := fs.input(c, cfg.Stdin)
	if err != nil {
		return err
	}
	fs.theirs = append(fs.theirs, in)
	for i, o := range []Output{cfg.Stdout, cfg.Stderr} {
		f, closing, out, err := openOutput(o, []*os.File{os.Stdout, os.Stderr}[i], i == 1)
		if err != nil {
			return err
		}
		fs.theirs = append(fs.theirs, f)
		if closing {
			fs.closing = append(fs.closing, f)
		}
		if out != nil {
			fs.ours = append(fs.ours, out.r)
			c.output = append(c.output, out)
		}
	}
	return nil
}

func (fs *files) input(c *Child, i Input) (*os.File, error) {
	switch {
	case i.Inherit:
		return os.Stdin, nil
	case i.File != nil:
		return i.File, nil
	case i.Pipe:
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		c.stdin = w
		fs.closing, fs.ours = append(fs.closing, r), append(fs.ours, w)
		return r, nil
	}
	f, err := os.Open(os.DevNull)
	if err == nil {
		fs.closing = append(fs.closing, f)
	}
	return f, err
}

// worker opens what a worker has besides, and says what is to be executed.
func (fs *files) worker(c *Child, l *launch) (err error) {
	if l.path, err = executable(); err != nil {
		return err
	}
	l.args = []string{os.Args[0], "osproc:" + c.name}
	conn, theirs, err := SocketPair()
	if err != nil {
		return err
	}
	fs.conn = conn
	fs.closing, fs.theirs = append(fs.closing, theirs), append(fs.theirs, theirs)
	if c.crash, err = crashFile(); err != nil {
		return err
	}
	fs.ours, fs.theirs = append(fs.ours, c.crash), append(fs.theirs, c.crash)
	return nil
}

func (fs *files) fail() {
	fs.succeed()
	for _, f := range fs.ours {
		f.Close()
	}
	if fs.conn != nil {
		fs.conn.Close()
	}
}

func (fs *files) succeed() {
	for _, f := range fs.closing {
		f.Close()
	}
}

// tokenVar marks a worker in its environment. Its value is what the worker says hello with.
const tokenVar = "TROUPE_OSPROC_WORKER"

// withoutToken returns a copy of env without the mark.
func withoutToken(env []string) []string {
	out := make([]string, 0, len(env)+1)
	for _, kv := range env {
		if !strings.HasPrefix(kv, tokenVar+"=") {
			out = append(out, kv)
		}
	}
	return out
}
