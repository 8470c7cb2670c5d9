package redis

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/troupe-go/troupe/mailbox/internal/retry"
)

//go:embed scripts
var files embed.FS

// A script runs in Redis: nothing else happens there meanwhile.
type script struct{ text, sum string }

var (
	putScript     = newScript("put")
	claimScript   = newScript("claim")
	turnScript    = newScript("turn")
	releaseScript = newScript("release")
	renewScript   = newScript("renew")
	finishScript  = newScript("finish")
	dueScript     = newScript("due")
	stopScript    = newScript("stop")
	statusScript  = newScript("status")
	replayScript  = newScript("replay")
)

// scripts is all of them.
var scripts = []*script{
	putScript, claimScript, turnScript, releaseScript, renewScript,
	finishScript, dueScript, stopScript, statusScript, replayScript,
}

// newScript reads a script. They are part of the program: they are there.
func newScript(name string) *script {
	prelude, _ := files.ReadFile("scripts/prelude.lua")
	body, _ := files.ReadFile("scripts/" + name + ".lua")
	text := string(prelude) + string(body)
	sum := sha1.Sum([]byte(text))
	return &script{text: text, sum: hex.EncodeToString(sum[:])}
}

// teach gives Redis all scripts; it forgets them when it ends.
func (s *Store) teach(ctx context.Context) error {
	for _, sc := range scripts {
		if err := s.rdb.ScriptLoad(ctx, sc.text).Err(); err != nil {
			return err
		}
	}
	return nil
}

// eval runs a script in the partition with the given root, as often as is needed to
// get a reply, within the store's patience. Scripts that are run by it may be run twice.
func (s *Store) eval(ctx context.Context, sc *script, root string, args ...any) (any, error) {
	var reply any
	err := s.insist(ctx, func(ctx context.Context) (err error) {
		reply, err = s.rdb.EvalSha(ctx, sc.sum, []string{root}, args...).Result()
		return err
	})
	return reply, err
}

// insist does f until it succeeds, fails for good, or patience or ctx ends.
func (s *Store) insist(ctx context.Context, f func(context.Context) error) error {
	if s.isClosed() {
		return errClosed
	}
	ctx, cancel := s.during(ctx)
	defer cancel()
	pause := retry.NewPause()
	for {
		err := f(ctx)
		if err == nil || !s.mend(ctx, err) {
			return s.explain(ctx, err)
		}
		if !pause.Wait(ctx) {
			return s.explain(ctx, err)
		}
	}
}

// mend reports whether it is worth while to try again after err.
func (s *Store) mend(ctx context.Context, err error) bool {
	switch {
	case ctx.Err() != nil || errors.Is(err, goredis.ErrClosed):
		return false
	case noScript(err):
		return s.teach(ctx) == nil || ctx.Err() == nil
	}
	return passing(err)
}

func noScript(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") }

// passing reports whether an error may be gone soon: all but what Redis says, and some
// of that.
func passing(err error) bool {
	var said goredis.Error
	if !errors.As(err, &said) {
		return true
	}
	for _, word := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"} {
		if strings.HasPrefix(said.Error(), word) {
			return true
		}
	}
	return false
}
