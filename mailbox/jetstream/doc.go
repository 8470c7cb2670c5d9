// Package jetstream keeps mail in NATS JetStream.
package jetstream
