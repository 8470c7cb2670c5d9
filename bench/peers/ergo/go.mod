module github.com/troupe-go/troupe/bench/peers/ergo

go 1.26

require (
	ergo.services/ergo v1.999.310
	github.com/troupe-go/troupe/bench v0.0.0
)

replace (
	github.com/troupe-go/troupe => ../../..
	github.com/troupe-go/troupe/bench => ../..
)
