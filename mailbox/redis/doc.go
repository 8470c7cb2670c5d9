// Package redis keeps mail in Redis: a mailbox.Store that several programs can share.
//
//	mail, err := redis.Connect("redis://127.0.0.1:6379")
//
// # Words
//
// Each address has a stream for each priority, and a consumer group on it; what was
// fetched and not settled is pending there, with its count. What was handled is
// acknowledged and deleted. Streams go when they are empty: an address without mail
// takes no memory in Redis.
//
// A session owns addresses, for as long as it renews its lease. One that has not
// renewed it in time is dead: its addresses are offered to the others, and the first
// mail that these get is what was pending. All that an owner does is done by scripts
// that look first whether it is still the owner, so one that comes back from the dead
// can spoil nothing; it gets mailbox.ErrLost.
//
// Addresses that have mail and no owner are in one sorted set, in the order in which
// they began to wait. Who looks for work is told by a message that there is some.
// Nobody asks addresses one by one.
//
// # How safe mail is
//
// As safe as Redis makes it. What Put returned nil for, and what Flush returned nil
// for, is
//
//   - lost with the Redis process when appendonly is no, but for snapshots;
//   - safe when the Redis process dies, as a rule, with appendfsync everysec or no, and
//     lost up to some two seconds, or thirty, when the machine dies;
//   - safe when the machine dies with appendfsync always. Redis then writes once for
//     all who wait, so that many senders share one write.
//
// A replica gets it later in each case: a failover may lose or repeat the last moments.
//
// # When Redis is away
//
// Put and all other calls try again, with growing pauses, until their context ends or
// the patience of the store; see [Patience]. They do it so that nothing is put twice.
// A session that cannot renew its lease in time loses its addresses and begins anew
// when Redis is back.
//
// # Redis Cluster
//
// Scripts need all their keys in one slot. So addresses are divided among partitions,
// one unless [Partitions] says otherwise, and all keys of a partition begin with the
// same hash tag, as in "troupe:{3}:m:/cart/42". Use some for each node of the cluster.
package redis
