package jetstream

import "time"

// An Option changes how a Store is made.
type Option func(*config)

type config struct {
	prefix     string
	partitions int
	remember   time.Duration
	lease      time.Duration
	patience   time.Duration
	largest    int
	replicas   int
	listen     string
	log        func(error)
}

// Defaults of the options.
const (
	DefaultPrefix     = "troupe"
	DefaultPartitions = 16
	DefaultLease      = 10 * time.Second
	DefaultPatience   = 30 * time.Second
	DefaultLargest    = 8 << 20
)

// Prefix is what the names of all streams and subjects begin with; letters, digits, -
// and _. The default is DefaultPrefix. Stores with different prefixes know nothing of
// each other.
func Prefix(prefix string) Option { return func(c *config) { c.prefix = prefix } }

// Partitions sets how many partitions a new store has; the default is
// DefaultPartitions. One that exists keeps what it has. As many programs as there are
// partitions can share the work.
func Partitions(n int) Option { return func(c *config) { c.partitions = max(n, 1) } }

// Remember sets how long a new store remembers the IDs of mail; the default is
// mailbox.DefaultRemember. The server keeps them in memory and finds those of mail that
// was not handled again when it restarts.
func Remember(d time.Duration) Option { return func(c *config) { c.remember = d } }

// Lease sets how long a program that has died keeps its partitions; the default is
// DefaultLease. One that lives renews its lease three times in that time.
func Lease(d time.Duration) Option { return func(c *config) { c.lease = max(d, 50*time.Millisecond) } }

// Patience sets how long a call waits for the server, if its context does not end
// before; the default is DefaultPatience.
func Patience(d time.Duration) Option { return func(c *config) { c.patience = d } }

// Largest sets how many bytes a mail may have; the default is what the server takes,
// and DefaultLargest for a server of [Open]. Put returns mailbox.ErrTooLarge for more.
func Largest(bytes int) Option { return func(c *config) { c.largest = bytes } }

// Replicas sets on how many servers of a cluster a new store keeps its mail; the
// default is 1.
func Replicas(n int) Option { return func(c *config) { c.replicas = n } }

// Listen makes the server of [Open] reachable for other programs at an address such as
// "127.0.0.1:4222"; by default it cannot be reached from outside.
func Listen(address string) Option { return func(c *config) { c.listen = address } }

// OnError sets what is called with errors that nobody waits for, such as a lost
// connection; the default is nothing, for the store goes on by itself.
func OnError(f func(error)) Option { return func(c *config) { c.log = f } }

func newConfig(opts []Option) config {
	c := config{
		prefix: DefaultPrefix, partitions: DefaultPartitions, lease: DefaultLease,
		patience: DefaultPatience, replicas: 1, log: func(error) {},
	}
	for _, o := range opts {
		o(&c)
	}
	return c
}
