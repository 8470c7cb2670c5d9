module github.com/troupe-go/troupe/bench/peers/goakt

go 1.26

require (
	github.com/tochemey/goakt/v3 v3.9.0
	github.com/troupe-go/troupe/bench v0.0.0
	google.golang.org/protobuf v1.36.8
)

replace (
	github.com/troupe-go/troupe => ../../..
	github.com/troupe-go/troupe/bench => ../..
)
