package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/mailbox"
)

// Store keeps mail in JetStream. It is a mailbox.Store and mailbox.Answers. Make one
// with [Open], [Connect] or [New].
type Store struct {
	config
	nc     *nats.Conn
	js     js.JetStream
	mine   bool // nc is closed with the store
	server *server.Server
	lock   *dirLock

	mail  js.Stream // work
	later js.Stream
	dead  js.Stream
	state js.KeyValue

	alive  context.Context // until the store is closed
	end    context.CancelFunc
	closed sync.Once
	err    error // of Close

	line   line
	putter putter
	delays putter // of mail that is not due
	writer writer
	desk   desk
	clerk  clerk
	dues   dues
}

var (
	_ mailbox.Store   = (*Store)(nil)
	_ mailbox.Answers = (*Store)(nil)
)

var errClosed = mailbox.ErrClosed

// Open returns the store in a folder, kept by a server in this program; it is made if
// it is not there. Nothing needs to be installed or started. Only one program at a time
// can open a folder: it returns mailbox.ErrInUse to others. They can share the store
// with Connect if the one who has it says where to [Listen].
func Open(dir string, opts ...Option) (*Store, error) {
	c := newConfig(opts)
	if c.largest <= 0 {
		c.largest = DefaultLargest
	}
	ns, lock, err := startServer(dir, c.listen, c.largest+spare)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns), nats.Name("troupe"), nats.MaxReconnects(-1))
	if err != nil {
		ns.Shutdown()
		lock.release()
		return nil, fmt.Errorf("jetstream: the server in %s: %w", dir, err)
	}
	s := &Store{config: c, nc: nc, mine: true, server: ns, lock: lock}
	if err := s.begin(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Connect returns the store in the NATS servers at url, such as
// "nats://127.0.0.1:4222". They must be of version 2.14 or later and have JetStream.
// How safe mail is there is up to their configuration: a single server should have
// sync_interval: always. It returns an error if nobody answers there.
func Connect(url string, opts ...Option) (*Store, error) {
	nc, err := nats.Connect(url, nats.Name("troupe"), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2))
	if err != nil {
		return nil, fmt.Errorf("jetstream: nobody answers at %s: %w: see that a nats-server with JetStream runs there", url, err)
	}
	s, err := New(nc, opts...)
	if err != nil {
		nc.Close()
		return nil, err
	}
	s.mine = true
	return s, nil
}

// New returns the store in the servers that nc is connected to: for credentials, TLS and
// whatever has no place in a URL. Close does not close nc. The store uses nc's handlers
// of lost and renewed connections.
func New(nc *nats.Conn, opts ...Option) (*Store, error) {
	s := &Store{config: newConfig(opts), nc: nc}
	if err := s.begin(); err != nil {
		s.mine = false
		s.Close()
		return nil, err
	}
	return s, nil
}

// spare is how much of a message is not mail: headers.
const spare = 64 << 10

// begin makes what the store needs in the server, if it is not there.
func (s *Store) begin() error {
	s.alive, s.end = context.WithCancel(context.Background())
	if s.remember <= 0 {
		s.remember = mailbox.DefaultRemember
	}
	s.line.init()
	s.putter.init(s)
	s.delays.init(s)
	s.writer.init(s)
	s.desk.init(s)
	s.clerk.init(s)
	s.dues.init(s)
	j, err := js.New(s.nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	s.js = j
	most := int(s.nc.MaxPayload()) - spare/2
	if s.largest <= 0 || s.largest > most {
		s.largest = most
	}
	ctx, cancel := s.during(context.Background())
	defer cancel()
	if err := s.makeStreams(ctx); err != nil {
		return fmt.Errorf("jetstream: %w: see that the server is a nats-server of version 2.14 or later with JetStream", err)
	}
	s.nc.SetDisconnectErrHandler(func(_ *nats.Conn, err error) {
		if !s.isClosed() {
			s.log(fmt.Errorf("jetstream: the connection was lost: %w", err))
		}
		s.clerk.disconnected()
	})
	s.nc.SetReconnectHandler(func(*nats.Conn) { s.clerk.reconnected() })
	_, err = s.nc.Subscribe(s.prefix+".ctl", s.hear)
	return err
}

// makeStreams makes the streams, or finds them.
func (s *Store) makeStreams(ctx context.Context) (err error) {
	s.mail, err = s.stream(ctx, js.StreamConfig{
		Name: s.prefix + "_MAIL", Subjects: []string{s.prefix + ".mail.>"}, Retention: js.WorkQueuePolicy,
		Duplicates: s.remember, AllowDirect: true, AllowAtomicPublish: true,
		Metadata: map[string]string{"troupe.partitions": strconv.Itoa(s.partitions)},
	})
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(s.mail.CachedInfo().Config.Metadata["troupe.partitions"]); err == nil && n > 0 {
		s.partitions = n
	}
	s.later, err = s.stream(ctx, js.StreamConfig{
		Name: s.prefix + "_LATER", Subjects: []string{s.prefix + ".later.>"}, Duplicates: s.remember,
		AllowDirect: true, AllowAtomicPublish: true,
	})
	if err != nil {
		return err
	}
	s.dead, err = s.stream(ctx, js.StreamConfig{
		Name: s.prefix + "_DEAD", Subjects: []string{s.prefix + ".dead.>"}, Duplicates: s.remember, AllowDirect: true,
	})
	if err != nil {
		return err
	}
	s.state, err = s.js.KeyValue(ctx, s.prefix+"_STATE")
	if errors.Is(err, js.ErrBucketNotFound) {
		s.state, err = s.js.CreateKeyValue(ctx, js.KeyValueConfig{
			Bucket: s.prefix + "_STATE", History: 1, Replicas: s.replicas, LimitMarkerTTL: time.Minute,
		})
	}
	return err
}

func (s *Store) stream(ctx context.Context, c js.StreamConfig) (js.Stream, error) {
	found, err := s.js.Stream(ctx, c.Name)
	if !errors.Is(err, js.ErrStreamNotFound) {
		return found, err
	}
	c.Storage, c.Replicas = js.FileStorage, s.replicas
	made, err := s.js.CreateStream(ctx, c)
	if errors.Is(err, js.ErrStreamNameAlreadyInUse) { // another program was quicker
		return s.js.Stream(ctx, c.Name)
	}
	return made, err
}

func (s *Store) isClosed() bool { return s.alive.Err() != nil }

// during returns a context that ends with ctx, with the store's patience, and when the
// store is closed.
func (s *Store) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.patience, errImpatient)
	stop := context.AfterFunc(s.alive, cancel)
	return ctx, func() { stop(); cancel() }
}

var errImpatient = errors.New("jetstream: no answer: see that the server runs and can be reached")

// explain returns what a caller is told about err.
func (s *Store) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case s.isClosed():
		return errClosed
	case ctx.Err() == nil:
		return fmt.Errorf("jetstream: %w", err)
	case errors.Is(context.Cause(ctx), errImpatient):
		return fmt.Errorf("%w: %w", errImpatient, err)
	}
	return context.Cause(ctx)
}

// Close ends all sessions and lets go of the server; one of Open is shut down. See
// mailbox.Store.
func (s *Store) Close() error {
	s.closed.Do(func() {
		var errs []error
		for _, x := range s.desk.all() {
			errs = append(errs, x.Close())
		}
		s.err = errors.Join(errs...)
		s.letGo()
		if s.server != nil {
			s.server.Shutdown()
			s.server.WaitForShutdown()
			s.lock.release()
		}
	})
	return s.err
}

// letGo ends everything without a word to the server.
func (s *Store) letGo() {
	s.end()
	s.putter.close()
	s.delays.close()
	s.writer.close()
	if s.mine {
		s.nc.Close()
	}
	s.clerk.doing.Wait()
}

// newID returns a name that nobody else has.
func newID() string { return rand.Text()[:13] }
