module github.com/troupe-go/troupe/bench/mail

go 1.26.0

require (
	github.com/redis/go-redis/v9 v9.23.0
	github.com/troupe-go/troupe v0.0.0
	github.com/troupe-go/troupe/mailbox/bolt v0.0.0
	github.com/troupe-go/troupe/mailbox/redis v0.0.0
	go.etcd.io/bbolt v1.5.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/troupe-go/troupe => ../..
	github.com/troupe-go/troupe/mailbox/bolt => ../../mailbox/bolt
	github.com/troupe-go/troupe/mailbox/redis => ../../mailbox/redis
)
