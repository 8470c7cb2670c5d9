package redis

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
	log        func(error)
}

// Defaults of the options.
const (
	DefaultPrefix   = "troupe"
	DefaultLease    = 10 * time.Second
	DefaultPatience = 30 * time.Second
	DefaultLargest  = 8 << 20
)

// Prefix is what all keys begin with; the default is DefaultPrefix. Stores with
// different prefixes know nothing of each other.
func Prefix(prefix string) Option { return func(c *config) { c.prefix = prefix } }

// Partitions divides addresses among n hash tags, for Redis Cluster; the default is 1.
// All programs that share a store must use the same number, and it cannot be changed
// while there is mail.
func Partitions(n int) Option { return func(c *config) { c.partitions = max(n, 1) } }

// Remember sets how long the IDs of mail are remembered; the default is
// mailbox.DefaultRemember.
func Remember(d time.Duration) Option { return func(c *config) { c.remember = d } }

// Lease sets how long a session that has died keeps its addresses; the default is
// DefaultLease. One that lives renews its lease three times in that time.
func Lease(d time.Duration) Option { return func(c *config) { c.lease = max(d, 50*time.Millisecond) } }

// Patience sets how long a call tries again while Redis does not answer, if its
// context does not end before; the default is DefaultPatience.
func Patience(d time.Duration) Option { return func(c *config) { c.patience = d } }

// Largest sets how many bytes a mail may have; the default is DefaultLargest. Put
// returns mailbox.ErrTooLarge for more.
func Largest(bytes int) Option { return func(c *config) { c.largest = bytes } }

// OnError sets what is called with errors that nobody waits for, such as a lost
// connection; the default is nothing, for the store goes on by itself.
func OnError(f func(error)) Option { return func(c *config) { c.log = f } }

func newConfig(opts []Option) config {
	c := config{
		prefix: DefaultPrefix, partitions: 1, remember: 0, lease: DefaultLease,
		patience: DefaultPatience, largest: DefaultLargest, log: func(error) {},
	}
	for _, o := range opts {
		o(&c)
	}
	return c
}
