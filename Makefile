# make test   everything that must hold before a change lands
# make soak   the same storms for much longer; see docs/soak.md
# make bench  the comparison with other libraries; see docs/benchmarks.md

GOLANGCI = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
MODULES  = . ./cmd/troupe ./mailbox/bolt ./mailbox/jetstream ./mailbox/redis ./examples/chat ./examples/mixed
ALL      = $(MODULES:%=%/...)
# These stand outside of the workspace: what Troupe is compared with must not
# choose the versions that Troupe is built with.
BENCHES  = bench bench/flow bench/ipc bench/mail
SOAK    ?= 200

.PHONY: test format vet lint redis-server race bench-test cross soak bench

test: format vet lint redis-server race bench-test cross

format:
	@out=$$(gofmt -l .); test -z "$$out" || { echo "not formatted, run gofmt -w:"; echo "$$out"; exit 1; }

vet:
	go vet $(ALL)
	@for m in $(BENCHES); do (cd $$m && GOWORK=off go vet ./...) || exit 1; done

lint:
	$(GOLANGCI) run $(ALL)

# The tests start one of their own, on a free port. The one that the package starts is not needed.
# Where it cannot be installed the tests say that mail in Redis is not tested.
redis-server:
	@command -v redis-server >/dev/null || ! command -v apt-get >/dev/null || { \
		sudo=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
		$$sudo apt-get update -q && $$sudo apt-get install -qy --no-install-recommends redis-server && \
		{ ! command -v systemctl >/dev/null || $$sudo systemctl disable --now redis-server; }; } || true

# Tests wait as much as they compute, so there are more at a time than cores.
race:
	go test -p 4 -race -vet=off -shuffle=on $(ALL)
	go test -vet=off -run TestMemoryLimit ./osproc # needs more memory than it may have under the race detector

bench-test:
	@for m in $(BENCHES); do (cd $$m && GOWORK=off go test -vet=off ./...) || exit 1; done

# What is built for these systems is tested on none of them here, so it need not be fast.
cross:
	@for os in darwin windows; do for c in build vet; do \
		GOOS=$$os go $$c -gcflags='all=-N -l' $(ALL) || exit 1; done; done

soak:
	go test -race -shuffle=on -count=$(SOAK) -timeout=3h . ./match ./supervisor ./csp ./flow/...
	@for m in $(MODULES); do (cd $$m && TROUPE_SOAK=20 go test -race -shuffle=on -timeout=3h ./...) || exit 1; done

bench:
	cd bench && GOWORK=off go run . -o ../docs/benchmarks.md
	cd bench/flow && GOWORK=off go test -run '^$$' -bench . -count 5
	cd bench/mail && GOWORK=off go run . -o ../../docs/benchmarks-mail.md
