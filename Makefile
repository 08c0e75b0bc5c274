# Every target is meant to be run by hand; .ci/run calls the same ones.

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME  ?= 10m
FUZZPARALLEL ?= 1
TESTTIMEOUT  ?= 20m
PACKAGES  ?= ./...

STATICCHECK = go tool -modfile=tools/go.mod staticcheck

.DEFAULT_GOAL := help
.PHONY: help build test test-clients screens lint generate check-generated fuzz bench bench-gateway crash clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

build: ## build bin/sallyport, static, for this machine
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/sallyport ./cmd/sallyport

# The race detector needs a C compiler. Without one the tests still run on a
# developer's machine, and say so; scripts/test-deps fails first when CI is set.
test: bin/withpostgres bin/testsummary ## run all tests, race detector on, on SQLite and PostgreSQL
	@scripts/test-deps
	@if command -v "$$(go env CC)" >/dev/null 2>&1; then race=-race; export CGO_ENABLED=1; else \
		race=; echo 'NOTE: no C compiler ('"$$(go env CC)"'), so the tests run without the race detector' >&2; fi; \
	bin/withpostgres bin/testsummary $$race -count=1 -timeout=$(TESTTIMEOUT) $(PACKAGES)

test-clients: ## let other people's programs use the real one: curl, browsers, libraries, Apache's server; installs what is missing
	@scripts/need curl:curl chromium:chromium node:nodejs npm:npm python3:python3-venv \
		/usr/sbin/apache2:apache2 /usr/lib/apache2/modules/mod_auth_openidc.so:libapache2-mod-auth-openidc
	go test -tags clients -count=1 -timeout=$(TESTTIMEOUT) -v ./clients

screens: ## take the pictures of the pages in docs/screens anew
	@scripts/need chromium:chromium node:nodejs npm:npm /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc:fonts-noto-cjk
	mkdir -p docs/screens && rm -f docs/screens/*.png
	go test -tags clients -count=1 -run TestPages ./clients -update

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then printf 'not formatted, run "gofmt -w ." on:\n%s\n' "$$unformatted" >&2; exit 1; fi
	go vet -tags clients ./...
	$(STATICCHECK) -tags clients ./...

generate: ## write the reference pages in docs/reference from the code
	go run ./cmd/sallyport docs --dir docs/reference

check-generated: generate ## fail when the committed reference pages are not what the code says
	@git diff --exit-code -- docs/reference || { echo 'docs/reference is stale: run "make generate" and commit' >&2; exit 1; }
	@new=$$(git ls-files --others -- docs/reference) || exit 1; \
	if [ -n "$$new" ]; then printf 'generated but not committed:\n%s\n' "$$new" >&2; exit 1; fi

fuzz: ## run every fuzz target for FUZZTIME (10m), one after another
	@FUZZTIME=$(FUZZTIME) FUZZPARALLEL=$(FUZZPARALLEL) scripts/fuzz

bench: ## measure against a bare handler; writes docs/bench
	go run ./bench

bench-gateway: ## measure the gateway against nginx, HAProxy and ReverseProxy; writes docs/bench
	@scripts/need nginx:nginx-light haproxy:haproxy taskset:util-linux
	PATH=$$PATH:/usr/sbin go run ./bench/gateway

crash: ## kill the server under load and check that nothing acknowledged is lost
	@scripts/test-deps
	go test -race -count=1 -timeout=$(TESTTIMEOUT) -run Crash ./app/...

clean: ## remove what the other targets built
	rm -rf bin

# go build is quick when nothing has changed and knows better than make what has.
bin/%: FORCE
	@CGO_ENABLED=0 go build -o $@ ./scripts/$*
FORCE:
