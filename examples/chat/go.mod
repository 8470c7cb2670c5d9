module github.com/troupe-go/troupe/examples/chat

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/troupe-go/troupe v0.0.0
)

replace github.com/troupe-go/troupe => ../..
