module github.com/troupe-go/troupe/cmd/troupe

go 1.26.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/schollz/progressbar/v3 v3.19.1
	github.com/troupe-go/troupe v0.0.0
	github.com/troupe-go/troupe/mailbox/bolt v0.0.0
	golang.org/x/term v0.47.0
)

require (
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/troupe-go/troupe => ../..
	github.com/troupe-go/troupe/mailbox/bolt => ../../mailbox/bolt
)
