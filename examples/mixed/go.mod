module github.com/troupe-go/troupe/examples/mixed

go 1.26.0

require (
	github.com/troupe-go/troupe v0.0.0
	github.com/troupe-go/troupe/mailbox/bolt v0.0.0
)

require (
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/troupe-go/troupe => ../..
	github.com/troupe-go/troupe/mailbox/bolt => ../../mailbox/bolt
)
